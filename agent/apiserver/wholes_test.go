package apiserver

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestWholesTakeConnectionsOfTheirOwnUntilThereAreMany(t *testing.T) {
	t.Parallel()
	proto, answer := make(chan string, 1), make(chan struct{})
	api, ca := server(t, func(_ http.ResponseWriter, r *http.Request) {
		proto <- r.Proto
		<-answer
	})
	s := fromKubeconfig(t, kubeconfigText(api.URL, "certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte(ca)), "token: t"))
	defer s.CloseIdle()
	ended := make(chan error, maxWholes+1) // one for each
	ask := func() string {
		t.Helper()
		go func() {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL, nil)
			res, err := s.Wholes().RoundTrip(req)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				_ = res.Body.Close() // counts once
			}
			ended <- err
		}()
		return <-proto
	}
	for range maxWholes {
		if got := ask(); !strings.HasPrefix(got, "HTTP/1.1") {
			t.Fatalf("a whole went over %s", got)
		}
	}
	if got := ask(); !strings.HasPrefix(got, "HTTP/2") {
		t.Errorf("one too many went over %s", got)
	}
	close(answer)
	for range maxWholes + 1 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if got := ask(); !strings.HasPrefix(got, "HTTP/1.1") {
		t.Errorf("after all had ended, one went over %s", got)
	}
	<-ended
	if n := s.wholes.under.Load(); n != 0 {
		t.Errorf("%d are counted when none is left", n)
	}
}
