package tunnel_test

import (
	"errors"
	"io"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func TestRelayedStreamIsAcceptedWhenTheRelayIsReady(t *testing.T) {
	t.Parallel()
	ready := make(chan struct{})
	_, plane := tunneltest.Pair(t, tunnel.Config{Relay: func(c *tunnel.Conn) (func(), *tunnel.RefusedError) {
		if c.Header().Route == "nowhere" {
			return nil, &tunnel.RefusedError{Code: tunnel.RefuseAbsent, Detail: "not here"}
		}
		<-ready
		return func() {
			_, _ = io.Copy(c, c)
			_ = c.CloseWrite()
		}, nil
	}}, tunnel.Config{})
	var refused *tunnel.RefusedError
	if _, err := plane.Open(t.Context(), tunnel.Header{Kind: "any", Route: "nowhere"}); !errors.As(err, &refused) || refused.Code != tunnel.RefuseAbsent {
		t.Errorf("the relay's refusal is %v", err)
	}
	opened := make(chan *tunnel.Conn, 1) // of the one stream
	go func() {
		c, err := plane.Open(t.Context(), tunnel.Header{Kind: "any", Route: "here"})
		if err != nil {
			t.Error(err)
		}
		opened <- c
	}()
	select {
	case <-opened:
		t.Error("accepted before the relay was ready")
	case ready <- struct{}{}:
	}
	c := <-opened
	if c == nil {
		return
	}
	if _, err := io.WriteString(c, "there and back"); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != "there and back" {
		t.Errorf("%q, %v", got, err)
	}
}
