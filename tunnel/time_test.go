package tunnel_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

var httpHeader = tunnel.Header{Kind: tunnel.KindHTTP}

// rig connects two sessions in memory.
func rig(t *testing.T, agent, plane tunnel.Config) tunneltest.Rig {
	t.Helper()
	return tunneltest.Connect(t, tunneltest.Memory(t), agent, plane)
}

// stream opens one stream and gives both ends.
func stream(t *testing.T, r tunneltest.Rig) (plane, agent *tunnel.Conn) {
	t.Helper()
	taken := make(chan *tunnel.Conn)
	go func() {
		c, err := r.Agent.Accept()
		if err != nil {
			t.Error(err)
		}
		taken <- c.(*tunnel.Conn)
	}()
	plane, err := r.Plane.Open(t.Context(), httpHeader)
	if err != nil {
		t.Fatal(err)
	}
	return plane, <-taken
}

func TestIdleSessionLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		time.Sleep(3 * time.Hour) // of the bubble's clock
		if r.Agent.Cause() != nil || r.Plane.Cause() != nil {
			t.Errorf("after three quiet hours: %v, %v", r.Agent.Cause(), r.Plane.Cause())
		}
	})
}

func TestDeadConnectionIsNoticedWithin25Seconds(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 7 * time.Second, 14 * time.Second, 24 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := rig(t, tunnel.Config{}, tunnel.Config{})
			time.Sleep(after)
			r.Stall()
			stalled := time.Now()
			for _, s := range []tunnel.Session{r.Agent, r.Plane} {
				wantCause(t, s, tunnel.ReasonDead, false, "nothing received")
			}
			if took := time.Since(stalled); took > 25*time.Second {
				t.Errorf("stalled after %s: noticed after %s", after, took)
			}
		})
	}
}

func TestAnyByteIsASignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{}) // whose agent never answers a PING
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for range 100 {
				time.Sleep(9 * time.Second)
				h.control.Write([]byte("\x00\x00\x00\x01\xc8")) // unknown to the plane
			}
		}()
		<-stop
		if s.Cause() != nil {
			t.Fatalf("ended while bytes arrived: %v", s.Cause())
		}
		wantCause(t, s, tunnel.ReasonDead, false, "")
	})
}

func TestHalfClosedStreamLastsAsLongAsItsWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		plane, agent := stream(t, r)
		plane.CloseWrite()
		if _, err := io.ReadAll(agent); err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 60 {
				time.Sleep(time.Minute)
				agent.Write([]byte("x"))
			}
			agent.Close()
		}()
		if got, err := io.ReadAll(plane); len(got) != 60 || err != nil {
			t.Errorf("an hour of output: %d bytes, %v", len(got), err)
		}
	})
}

func TestSlowReaderLosesNothingAfterTheWriterLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		plane, agent := stream(t, r)
		data := bytes.Repeat([]byte("log line\n"), 20_000)
		agent.Write(data)
		agent.Close()
		var got []byte
		buf := make([]byte, 10_000)
		for {
			time.Sleep(10 * time.Minute)
			n, err := plane.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d of %d bytes came", len(got), len(data))
		}
	})
}

func TestBudgetCountsFromTheOpening(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		go r.Agent.Accept()
		c, err := r.Plane.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP, Budget: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Read(make([]byte, 1))
		if e, ok := errors.AsType[*tunnel.CloseError](err); !ok || e.Reason != tunnel.ReasonBudget || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestUnansweredOpenMakesTheSessionSuspect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		time.Sleep(time.Second)
		r.Stall()
		stalled := time.Now()
		if _, err := r.Plane.Open(t.Context(), httpHeader); err == nil || time.Since(stalled) != 5*time.Second {
			t.Errorf("open: %v after %s", err, time.Since(stalled))
		}
		wantCause(t, r.Plane, tunnel.ReasonDead, false, "")
		if took := time.Since(stalled); took != 15*time.Second {
			t.Errorf("dead after %s, want 15s", took)
		}
	})
}

func TestCloseDoesNotWaitForADeadPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		r.Stall()
		start := time.Now()
		r.Plane.CloseWith(tunnel.ReasonShutdown, "")
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestReaderThatTakesNothingLosesOnlyItsStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		plane, agent := stream(t, r)
		other, echoing := stream(t, r)
		go io.Copy(echoing, echoing)
		start := time.Now()
		_, err := agent.Write(make([]byte, 1<<20))
		if e, ok := errors.AsType[*tunnel.CloseError](err); !ok || e.Reason != tunnel.ReasonStalled || e.Remote {
			t.Errorf("the writer got %v", err)
		}
		if took := time.Since(start); took < time.Minute || took > 75*time.Second {
			t.Errorf("it took %s, want 60s to 75s", took)
		}
		_, err = io.ReadAll(plane)
		if e, ok := errors.AsType[*tunnel.CloseError](err); !ok || e.Reason != tunnel.ReasonStalled || !e.Remote {
			t.Errorf("the reader got %v", err)
		}
		other.Write([]byte("still"))
		if got := make([]byte, 5); true {
			if _, err := io.ReadFull(other, got); err != nil || string(got) != "still" {
				t.Errorf("the other stream: %q, %v", got, err)
			}
		}
		plane.Close()
		agent.Close()
		other.Close()
		synctest.Wait()
	})
}

func TestSlowReaderIsNotStalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		plane, agent := stream(t, r)
		go func() {
			agent.Write(make([]byte, 2<<20))
			agent.Close()
		}()
		total := 0
		buf := make([]byte, 40<<10)
		for {
			time.Sleep(50 * time.Second)
			n, err := plane.Read(buf)
			if total += n; err != nil {
				if err != io.EOF || total != 2<<20 {
					t.Errorf("%d bytes came, %v", total, err)
				}
				return
			}
		}
	})
}

// TestSecondSessionAnswersWhatTheFirstDidNotAccept is what a caller with two sessions does: nothing was seen by anybody,
// so any request may be sent again.
func TestSecondSessionAnswersWhatTheFirstDidNotAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := rig(t, tunnel.Config{}, tunnel.Config{}), rig(t, tunnel.Config{}, tunnel.Config{})
		for _, r := range []tunneltest.Rig{first, second} {
			go func() {
				for {
					c, err := r.Agent.Accept()
					if err != nil {
						return
					}
					io.Copy(c, c)
					c.Close()
				}
			}()
		}
		first.Stall()
		start := time.Now()
		var answered string
		for _, s := range []tunnel.Session{first.Plane, second.Plane} {
			c, err := s.Open(t.Context(), httpHeader)
			if errors.Is(err, tunnel.ErrNotAccepted) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte("POST /"))
			c.CloseWrite()
			got, _ := io.ReadAll(c)
			answered = string(got)
			c.Close()
		}
		if took := time.Since(start); answered != "POST /" || took != 5*time.Second {
			t.Errorf("answered %q after %s", answered, took)
		}
	})
}
