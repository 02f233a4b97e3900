package agent

import (
	"context"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// balancer dials replicas in turn; of is how many each says there are.
type balancer struct {
	t     *testing.T
	names []string
	of    string
	dials int
}

func (b *balancer) dial(context.Context) (tunnel.Session, error) {
	name := b.names[b.dials%len(b.names)]
	b.dials++
	agent, _ := tunneltest.Pair(b.t, tunnel.Config{}, tunnel.Config{Hello: tunnel.Hello{Name: name, Attrs: map[string]string{attrReplicas: b.of}}})
	return agent, nil
}

func TestSecondSessionEndsAtAnotherReplicaWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what          string
		names         []string
		of            string
		first, second string
		dials         int
	}{
		{"a balancer that takes turns", []string{"a", "b"}, "2", "a", "b", 2},
		{"one that gives the same twice", []string{"a", "a", "a", "b"}, "2", "a", "b", 4},
		{"one that always gives the same", []string{"a"}, "2", "a", "a", 1 + dialsElsewhere},
		{"a single replica", []string{"a"}, "1", "a", "a", 2},
		{"an older control plane", []string{"a"}, "", "a", "a", 2},
	} {
		b := &balancer{t: t, names: c.names, of: c.of}
		r := &replicaSpread{dial: b.dial}
		one, err := r.dialElsewhere(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		two, err := r.dialElsewhere(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if one.Peer().Name != c.first || two.Peer().Name != c.second || b.dials != c.dials {
			t.Errorf("%s: %s and %s after %d dials, want %s and %s after %d", c.what, one.Peer().Name, two.Peer().Name, b.dials, c.first, c.second, c.dials)
		}
	}
}

func TestReplicaOfASessionThatHasEndedIsFreeAgain(t *testing.T) {
	t.Parallel()
	b := &balancer{t: t, names: []string{"a"}, of: "2"}
	r := &replicaSpread{dial: b.dial}
	one, err := r.dialElsewhere(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = one.Close()
	<-one.Done()
	if _, err := r.dialElsewhere(t.Context()); err != nil || b.dials != 2 {
		t.Errorf("%d dials, %v", b.dials, err)
	}
}
