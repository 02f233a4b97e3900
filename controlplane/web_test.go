package controlplane

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestConnectionsEndWithTheirNextAnswerWhenAReplicaIsAboutToStop(t *testing.T) {
	t.Parallel()
	s := &service{}
	srv := httptest.NewServer(s.lastAnswers(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer srv.Close()
	closes := func() bool {
		res, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.Close
	}
	if closes() {
		t.Error("a connection ended although nothing stops")
	}
	s.leaving.Store(true)
	if !closes() {
		t.Error("a connection waits for another request, which may cross with its end")
	}
}
