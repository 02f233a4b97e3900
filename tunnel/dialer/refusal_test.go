package dialer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// TestRefusalIsNotTriedElsewhere: the gateway has answered, and would say the same over a WebSocket.
func TestRefusalIsNotTriedElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		others := 0
		contenders, err := Gateway{}.Contenders(TLS, QUIC, WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		for i := range contenders {
			contenders[i].Dial = func(context.Context, string) (tunnel.Session, error) { others++; return nil, errors.New("no") }
		}
		contenders[0].Dial = func(context.Context, string) (tunnel.Session, error) {
			time.Sleep(100 * time.Millisecond) // in a bubble
			return nil, helloFailed(&tunnel.CloseError{Reason: tunnel.ReasonRevoked, Remote: true})
		}
		_, err = NewRace(contenders, nil).Dial(t.Context())
		closed, ok := errors.AsType[*tunnel.CloseError](err)
		if !ok || closed.Reason != tunnel.ReasonRevoked || !IsRefusal(err) || others > 0 {
			t.Errorf("%v, and %d other attempts", err, others)
		}
	})
}

func TestLostConnectionInHelloIsNoRefusal(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("EOF"), &tunnel.CloseError{Reason: tunnel.ReasonDead}} {
		if IsRefusal(helloFailed(err)) {
			t.Errorf("%v is a refusal", err)
		}
	}
}
