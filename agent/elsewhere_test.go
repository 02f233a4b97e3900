package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// balancer dials replicas in turn; of is how many each says there are, and peers what each says of the others' addresses.
type balancer struct {
	t     *testing.T
	names []string
	of    string
	peers string
	at    map[string]string // which replica answers at an address
	tried []string          // addresses
	dials int
}

func (b *balancer) dial(_ context.Context, at string) (tunnel.Session, error) {
	name := b.names[b.dials%len(b.names)]
	if at != "" {
		b.tried = append(b.tried, at)
		if name = b.at[at]; name == "" {
			return nil, errors.New("no answer")
		}
	} else {
		b.dials++
	}
	agent, _ := tunneltest.Pair(b.t, tunnel.Config{}, tunnel.Config{Hello: tunnel.Hello{Name: name, Attrs: map[string]string{attrReplicas: b.of, attrPeers: b.peers}}})
	return agent, nil
}

func (b *balancer) spread() *replicaSpread {
	return &replicaSpread{dial: b.dial, gateway: "tunnel.example.com:443", log: slog.New(slog.DiscardHandler), useless: map[string]time.Time{}}
}

func TestSecondSessionIsMadeToAReplicaByItsName(t *testing.T) {
	t.Parallel()
	const b1, c1 = "b.tunnel.example.com:443", "c.tunnel.example.com:8443"
	for _, c := range []struct {
		what   string
		peers  string
		at     map[string]string
		second string
		dials  int // of the gateway
		tried  []string
	}{
		{"it answers", `{"b":"` + b1 + `"}`, map[string]string{b1: "b"}, "b", 1, []string{b1}},
		{"there is no way to it", `{"b":"` + b1 + `"}`, nil, "a", 1 + dialsElsewhere, []string{b1}},
		{"its address leads to the first one", `{"b":"` + b1 + `"}`, map[string]string{b1: "a"}, "a", 1 + dialsElsewhere, []string{b1}},
		{"one of two answers", `{"b":"` + b1 + `","c":"` + c1 + `"}`, map[string]string{c1: "c"}, "c", 1, nil},
		{"it is the same replica", `{"a":"` + b1 + `"}`, map[string]string{b1: "a"}, "a", 1 + dialsElsewhere, nil},
		{"a name elsewhere", `{"b":"api.internal.test:443"}`, map[string]string{"api.internal.test:443": "b"}, "a", 1 + dialsElsewhere, nil},
		{"nonsense", `["b"]`, nil, "a", 1 + dialsElsewhere, nil},
	} {
		b := &balancer{t: t, names: []string{"a"}, of: "3", peers: c.peers, at: c.at}
		r := b.spread()
		for _, want := range []string{"a", c.second} {
			s, err := r.dialElsewhere(t.Context())
			if err != nil || s.Peer().Name != want {
				t.Fatalf("%s: a session to %v, %v; want %s", c.what, s, err, want)
			}
		}
		if b.dials != c.dials || c.tried != nil && !slices.Equal(b.tried, c.tried) || c.tried == nil && c.second == "a" && len(b.tried) > 0 {
			t.Errorf("%s: %d dials of the gateway, want %d; tried %q", c.what, b.dials, c.dials, b.tried)
		}
	}
}

func TestReplicasAddressesAreOfTheGatewaysDomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		gateway, at string
		want        bool
	}{
		{"tunnel.eu.example.com:443", "tunnel.eu.example.com:8444", true},
		{"tunnel.eu.example.com:443", "r7.tunnel.eu.example.com:443", true},
		{"tunnel.eu.example.com:443", "R7.EU.example.com:443", true},
		{"tunnel.eu.example.com:443", "example.com:443", false},
		{"tunnel.eu.example.com:443", "r7.us.example.com:443", false},
		{"tunnel.eu.example.com:443", "evil-eu.example.com:443", false},
		{"tunnel.eu.example.com:443", "10.0.0.1:443", false},
		{"example.com:443", "r7.example.com:443", true},
		{"example.com:443", "other.com:443", false},
		{"10.0.0.1:8443", "10.0.0.1:8444", true},
		{"10.0.0.1:8443", "10.0.0.2:8443", false},
		{"tunnel.example.com:443", "tunnel.example.com", false},
		{"tunnel.example.com:443", "tunnel.example.com:0", false},
		{"tunnel.example.com:443", "tunnel.example.com:https", false},
		{"tunnel.example.com:443", "", false},
	} {
		if got := besides(c.gateway, c.at); got != c.want {
			t.Errorf("%q beside %q: %t", c.at, c.gateway, got)
		}
	}
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
		r := b.spread()
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
	r := b.spread()
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
