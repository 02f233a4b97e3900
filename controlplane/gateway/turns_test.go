package gateway_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func TestStrangersWhoSayNothingHoldUpNoAgent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, id := r.joined(t, "prod")
	for range 100 {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // they are closed after 10 s
	defer cancel()
	s, err := r.dial(ctx, id, tunnel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
