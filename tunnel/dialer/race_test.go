package dialer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// track is a transport of a race: how long it takes, and how it ends.
type track struct {
	t *testing.T

	mu       sync.Mutex // guards the rest
	takes    time.Duration
	err      error
	hangs    bool
	starts   []time.Time
	sessions []tunnel.Session
}

func (k *track) dial(ctx context.Context, _ string) (tunnel.Session, error) {
	k.mu.Lock()
	k.starts = append(k.starts, time.Now())
	takes, err, hangs := k.takes, k.err, k.hangs
	k.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	time.Sleep(takes) // in a bubble; a late one does not look at ctx, as a HELLO that is already on its way
	if err != nil {
		return nil, err
	}
	agent, _ := tunneltest.Pair(k.t, tunnel.Config{}, tunnel.Config{})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sessions = append(k.sessions, agent)
	return agent, nil
}

// hang makes those from now on never answer, or answer again.
func (k *track) hang(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hangs = on
}

// live counts the sessions of this transport that are up.
func (k *track) live() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sessions {
		if s.Cause() == nil {
			n++
		}
	}
	return n
}

func (k *track) tries() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.starts)
}

func (k *track) last() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.starts[len(k.starts)-1]
}

type tracks struct{ tls, quic, ws *track }

func newTracks(t *testing.T) *tracks { return &tracks{&track{t: t}, &track{t: t}, &track{t: t}} }

// race is one of the three with the head starts of real ones.
func (k *tracks) race(random func() float64) *dialer.Race {
	chosen, err := dialer.Gateway{}.Contenders(dialer.WebSocket, dialer.TLS, dialer.QUIC)
	if err != nil {
		k.tls.t.Fatal(err)
	}
	for i, dial := range []func(context.Context, string) (tunnel.Session, error){k.tls.dial, k.quic.dial, k.ws.dial} {
		chosen[i].Dial = dial
	}
	return dialer.NewRace(chosen, random)
}

// TestReplicasOwnAddressSaysNothingOfTheGatewaysWay: what gets through to one need not get through to the other.
func TestReplicasOwnAddressSaysNothingOfTheGatewaysWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		k.tls.hangs, k.quic.hangs = true, true
		r := k.race(half)
		session, err := r.DialAt(t.Context(), "b.gateway.test:443")
		if err != nil || dialer.TransportOf(session) != dialer.WebSocket {
			t.Fatalf("%v, %v", session, err)
		}
		if winner, _ := r.Winner(); winner != "" {
			t.Errorf("%s is tried alone from now on", winner)
		}
		session.Close()
	})
}

func TestForgottenWinnerIsNoLongerTriedAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		r := k.race(half)
		r.Remember(dialer.QUIC, time.Now().Add(time.Hour))
		k.quic.hang(true)
		r.Forget(dialer.TLS) // another one's end is not this one's
		if winner, _ := r.Winner(); winner != dialer.QUIC {
			t.Errorf("the winner is %q", winner)
		}
		r.Forget(dialer.QUIC)
		began := time.Now()
		session, err := r.Dial(t.Context())
		if err != nil || dialer.TransportOf(session) != dialer.TLS || time.Since(began) > time.Second {
			t.Fatalf("%v, %v after %s", session, err, time.Since(began))
		}
		session.Close()
	})
}

func half() float64 { return 0.5 }

func TestRaceGoesToTheFirstFinishedHello(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   func(*tracks)
		wins  dialer.Transport
		after time.Duration
		tries [3]int // of TLS, QUIC, WebSocket
	}{
		"TLS alone when it is quick": {func(k *tracks) { k.tls.takes = 100 * time.Millisecond }, dialer.TLS, 100 * time.Millisecond, [3]int{1, 0, 0}},
		"QUIC overtakes slow TLS":    {func(k *tracks) { k.tls.hangs, k.quic.takes = true, 500*time.Millisecond }, dialer.QUIC, 650 * time.Millisecond, [3]int{1, 1, 0}},
		"WebSocket a second later":   {func(k *tracks) { k.tls.hangs, k.quic.hangs = true, true }, dialer.WebSocket, time.Second, [3]int{1, 1, 1}},
		"WebSocket at once when TLS fails": {func(k *tracks) {
			k.tls.err, k.quic.hangs, k.ws.takes = errors.New("opened by a proxy"), true, 10*time.Millisecond
		}, dialer.WebSocket, 10 * time.Millisecond, [3]int{1, 1, 1}},
		"slow TLS wins over nothing else": {func(k *tracks) { k.tls.takes, k.quic.hangs, k.ws.err = 9*time.Second, true, errors.New("no") }, dialer.TLS, 9 * time.Second, [3]int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newTracks(t)
				c.set(k)
				r := k.race(half)
				start := time.Now()
				_, err := r.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start); got != c.after {
					t.Errorf("won after %s, want %s", got, c.after)
				}
				if winner, _ := r.Winner(); winner != c.wins {
					t.Errorf("%s won, want %s", winner, c.wins)
				}
				if got := [3]int{k.tls.tries(), k.quic.tries(), k.ws.tries()}; got != c.tries {
					t.Errorf("tries %v, want %v", got, c.tries)
				}
				time.Sleep(time.Minute) // for the losers
			})
		})
	}
}

func TestLosersAreClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		k.tls.takes, k.quic.takes, k.ws.takes = 3*time.Second, 4*time.Second, 3*time.Second
		if _, err := k.race(half).Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if k.tls.live() != 1 || k.quic.live() != 0 || k.ws.live() != 0 || len(k.ws.sessions) != 1 || len(k.quic.sessions) != 1 {
			t.Errorf("live: TLS %d, QUIC %d, WebSocket %d", k.tls.live(), k.quic.live(), k.ws.live())
		}
	})
}

func TestFailedRaceTellsEveryCauseOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		k.tls.err, k.quic.err, k.ws.err = errors.New("one"), errors.New("two"), errors.New("three")
		_, err := k.race(half).Dial(t.Context())
		for _, says := range []string{"over tls: one", "over quic: two", "over websocket: three"} {
			if err == nil || strings.Count(err.Error(), says) != 1 {
				t.Errorf("%v does not say %q once", err, says)
			}
		}
	})
}

// TestGatewayThatIsAwayIsNotTriedOverAWebSocket: same name, address and proxy, same end; and a gateway that restarts
// must not find its agents on WebSockets.
func TestGatewayThatIsAwayIsNotTriedOverAWebSocket(t *testing.T) {
	t.Parallel()
	for _, step := range []dialer.Step{dialer.StepDNS, dialer.StepTCP, dialer.StepProxy} {
		synctest.Test(t, func(t *testing.T) {
			k := newTracks(t)
			k.tls.err = &dialer.StepError{Step: step, Err: errors.New("refused")}
			k.quic.err = errors.New("no answer")
			_, err := k.race(half).Dial(t.Context())
			if err == nil || k.ws.tries() != 0 || k.quic.tries() != 1 || strings.Contains(err.Error(), "websocket") {
				t.Errorf("%s: %d tries over QUIC, %d over WebSocket: %v", step, k.quic.tries(), k.ws.tries(), err)
			}
		})
	}
}

func TestWinnerIsRememberedForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		k.tls.hangs, k.quic.hangs = true, true
		r := k.race(half)
		dial := func() time.Duration {
			start := time.Now()
			if _, err := r.Dial(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		if took := dial(); took != time.Second {
			t.Errorf("first %s", took)
		}
		before := k.tls.tries()
		if took := dial(); took != 0 || k.tls.tries() != before {
			t.Errorf("then %s, and %d more tries over TLS", took, k.tls.tries()-before)
		}
		time.Sleep(24*time.Hour + time.Second)
		if took := dial(); took != time.Second {
			t.Errorf("a day later %s", took)
		}
		k.tls.hang(false) // the network is another one now
		k.ws.hang(true)
		if took := dial(); took != 5*time.Second {
			t.Errorf("with the winner gone silent %s", took)
		}
		if winner, _ := r.Winner(); winner != dialer.TLS {
			t.Errorf("%s is remembered", winner)
		}
	})
}

func TestBetterTransportIsFoundAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTracks(t)
		k.tls.hangs, k.quic.hangs = true, true
		r := k.race(half)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- r.Run(ctx) }()
		if _, err := r.Dial(ctx); err != nil {
			t.Fatal(err)
		}
		better := r.Better()
		time.Sleep(6*time.Hour + time.Minute)
		if k.tls.tries() != 2 || k.tls.last().Sub(began) != 6*time.Hour {
			t.Errorf("probed %d times, last after %s", k.tls.tries()-1, k.tls.last().Sub(began))
		}
		select {
		case <-better:
			t.Error("a hanging transport is better")
		default:
		}
		k.tls.hang(false)
		<-better
		if winner, _ := r.Winner(); winner != dialer.TLS || k.tls.live() != 0 || time.Since(began) > 13*time.Hour {
			t.Errorf("%s is remembered after %s, %d sessions of probes are left", winner, time.Since(began), k.tls.live())
		}
		tries := k.tls.tries() + k.quic.tries()
		time.Sleep(20 * time.Hour)
		if k.tls.tries()+k.quic.tries() != tries {
			t.Error("the best one is probed")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestSessionMovesToTheBetterTransportBeforeItEnds: the new session is there before the old one is drained, and what is
// in flight in the old one ends in peace.
func TestSessionMovesToTheBetterTransportBeforeItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		better := make(chan struct{})
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = dialer.Run(ctx, dialer.Config{Dial: f.dial, Serve: acceptAll, Slots: 1, OnState: f.note, Better: func() <-chan struct{} {
				mu.Lock()
				defer mu.Unlock()
				return better
			}})
		}()
		synctest.Wait()
		old := f.live()[0]
		stream, err := old.Open(ctx, tunnel.Header{Kind: tunnel.KindHTTP})
		if err != nil {
			t.Fatal(err)
		}
		f.failWith(errors.New("not yet"))
		mu.Lock()
		close(better)
		better = make(chan struct{})
		mu.Unlock()
		time.Sleep(10 * time.Second)
		select {
		case <-old.Draining():
			t.Error("the old session is drained before there is a new one")
		default:
		}
		f.failWith(nil)
		time.Sleep(40 * time.Second)
		if up := f.live(); len(up) != 2 {
			t.Fatalf("%d sessions", len(up))
		}
		<-old.Draining()
		_ = stream.Close()
		time.Sleep(10 * time.Second)
		if up := f.live(); len(up) != 1 || up[0] == old {
			t.Errorf("%d sessions, or the wrong one", len(up))
		}
		cancel()
		<-done
	})
}

// acceptAll serves by taking streams and holding them until the other side closes them.
func acceptAll(ctx context.Context, s tunnel.Session) error {
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Read(make([]byte, 1))
				_ = c.Close()
			}()
		}
	}()
	return untilEnd(ctx, s)
}
