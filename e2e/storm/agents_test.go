package storm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// simulated is an agent: who it is, and where the plane may be.
type simulated struct {
	Number   int               `json:"number"`
	Identity map[string][]byte `json:"identity"`
	UID      string            `json:"uid"` // of its kube-system
	At       []string          `json:"at"`  // addresses, as of a name that has several: tried in turn
}

// event is a session that came up or ended.
type event struct {
	Number int       `json:"number"`
	Up     bool      `json:"up"`
	At     time.Time `json:"at"`
	Why    string    `json:"why,omitempty"` // why the last attempt failed
}

// herd is a process of agents: it reads them, one a line, runs them until its input ends, and writes their events.
func herd(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var mu sync.Mutex // guards events
	events := json.NewEncoder(out)
	lines := json.NewDecoder(in)
	for {
		var a simulated
		if err := lines.Decode(&a); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an agent: %w", err)
		}
		running.Go(func() {
			err := a.run(ctx, dialer.Config{}, func(e event) {
				mu.Lock()
				defer mu.Unlock()
				_ = events.Encode(e)
			})
			if err != nil {
				panic(err) // of what its parent wrote
			}
		})
	}
}

// run keeps one session up until ctx ends.
func (a simulated) run(ctx context.Context, cfg dialer.Config, tell func(event)) error {
	id, err := pki.UnmarshalIdentity(a.Identity)
	if err != nil {
		return fmt.Errorf("agent %d: %w", a.Number, err)
	}
	keeper := renew.New(renew.Config{Identity: id})
	cfg.Slots, cfg.Serve = 1, serve
	cfg.Dial = func(ctx context.Context) (tunnel.Session, error) {
		var failed error
		for i := range a.At {
			session, err := a.gateway(keeper, a.At[(a.Number+i)%len(a.At)]).DialTLS(ctx)
			if err == nil {
				return session, nil
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	}
	cfg.OnState = func(s dialer.State) {
		switch s.Phase {
		case dialer.Up:
			tell(event{Number: a.Number, Up: true, At: time.Now()})
		case dialer.Waiting:
			tell(event{Number: a.Number, At: time.Now(), Why: fmt.Sprint(s.Err)})
		}
	}
	return dialer.Run(ctx, cfg)
}

func (a simulated) gateway(keeper *renew.Keeper, at string) dialer.Gateway {
	return dialer.Gateway{Addr: at, TLS: keeper.TLSConfig, Session: func(context.Context) tunnel.Config {
		return tunnel.Config{Hello: tunnel.Hello{Name: fmt.Sprintf("simulated-%d", a.Number), Version: "1.0.0",
			Attrs: map[string]string{"kubernetes_version": "v1.37.2", "kube_system_uid": a.UID, "sessions": "1"}}}
	}}
}

// serve is the cluster: whatever is asked, there is an answer.
func serve(ctx context.Context, session tunnel.Session) error {
	stop := context.AfterFunc(ctx, func() { _ = session.Close() })
	defer stop()
	server := &http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second}
	server.SetKeepAlivesEnabled(false)
	err := server.Serve(session)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"weather","namespace":"default"},"data":{"sky":"clear"}}`)
}
