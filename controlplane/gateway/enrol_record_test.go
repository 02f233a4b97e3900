package gateway_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
)

// written is a log as it is written, before anything redacts it.
type written struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestEnrolmentIsOnRecordAndItsTokenInNoLog(t *testing.T) {
	t.Parallel()
	var log written
	r := newRig(t, func(c *gateway.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c, token := r.cluster(t, "prod")
	never, _, err := r.mint()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join(t.Context(), never); err == nil {
		t.Error("a token that nobody made was good")
	}
	id, err := join(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join(t.Context(), token); err == nil {
		t.Error("the token was good twice")
	}
	_, csr := pkitest.Request(t)
	if _, err := renew.HTTP(nil)(t.Context(), id, csr); err != nil {
		t.Fatal(err)
	}
	page, err := r.ledger.List(t.Context(), r.admin, audit.Query{Cluster: c.ID})
	if err != nil {
		t.Fatal(err)
	}
	joins := 0
	for _, rec := range page.Records {
		if rec.Action == "cluster.joined" {
			joins++
		}
	}
	if joins != 1 {
		t.Errorf("the tenant's record has %d enrolments: %+v", joins, page.Records)
	}
	said := log.String()
	if !strings.Contains(said, "cluster enrolled") || !strings.Contains(said, "agent's call refused") {
		t.Errorf("the log does not tell of them:\n%s", said)
	}
	for name, secret := range map[string]string{"the token": token[len(token)-40:], "the unknown token": never[len(never)-40:], "a proof": "eyJhbGciOi", "a key": "PRIVATE KEY"} {
		if strings.Contains(said, secret) {
			t.Errorf("%s is in the log", name)
		}
	}
}
