package tunneltest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// RunConformance is what a transport has to pass, on real connections. Call it from a test that is not parallel: the
// first checks count goroutines and bytes of the whole process.
func RunConformance(t *testing.T, lay Lay) {
	for _, c := range alone {
		t.Run(c.name, func(t *testing.T) { c.run(t, lay) })
	}
	for _, c := range together {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, lay)
		})
	}
}

// Lay lays one wire. What it needs to take down it registers with the test.
type Lay func(testing.TB) Wire

type check struct {
	name string
	run  func(*testing.T, Lay)
}

var alone = []check{
	{"ClosingLeavesNoGoroutine", closingLeavesNoGoroutine},
	{"CutLeavesNoGoroutine", cutLeavesNoGoroutine},
	{"CancelledStreamsFreeTheirMemory", cancelledStreamsFreeTheirMemory},
}

var together = []check{
	{"HelloIsKnownToBoth", helloIsKnownToBoth},
	{"HelloRefusedWithItsReason", helloRefusedWithItsReason},
	{"HeaderIsCarriedExactly", headerIsCarriedExactly},
	{"LargeHeaderIsCarriedExactly", largeHeaderIsCarriedExactly},
	{"RefusalTellsCodeAndDetail", refusalTellsCodeAndDetail},
	{"UnknownKindIsRefused", unknownKindIsRefused},
	{"PlaneRefusesStreamsOfTheAgent", planeRefusesStreamsOfTheAgent},
	{"StreamsBeyondTheLimitAreRefused", streamsBeyondTheLimitAreRefused},
	{"ManyStreamsAtOnce", manyStreamsAtOnce},
	{"WholeRequestsAtOnce", wholeRequestsAtOnce},
	{"WritingGoesOnAfterTheOtherSideEnded", writingGoesOnAfterTheOtherSideEnded},
	{"CloseDeliversWhatWasWritten", closeDeliversWhatWasWritten},
	{"CloseOnFullWindowLosesNothing", closeOnFullWindowLosesNothing},
	{"LeavingReaderFreesTheWriter", leavingReaderFreesTheWriter},
	{"ResetTellsTheReason", resetTellsTheReason},
	{"CutIsNeverAnEnd", cutIsNeverAnEnd},
	{"ClosedSessionIsNeverAnEnd", closedSessionIsNeverAnEnd},
	{"StoppedReaderStallsOnlyItsStream", stoppedReaderStallsOnlyItsStream},
	{"ReadDeadlinePassesAndIsLifted", readDeadlinePassesAndIsLifted},
	{"WriteDeadlinePasses", writeDeadlinePasses},
	{"CloseWakesABlockedReader", closeWakesABlockedReader},
	{"BudgetEndsTheStream", budgetEndsTheStream},
	{"OpenGivesUpWhenNobodyAccepts", openGivesUpWhenNobodyAccepts},
	{"OpenEndsWithItsContext", openEndsWithItsContext},
	{"OpenOnStalledConnectionEnds", openOnStalledConnectionEnds},
	{"StalledConnectionIsDead", stalledConnectionIsDead},
	{"PingMeasuresTheRoundTrip", pingMeasuresTheRoundTrip},
	{"DrainReachesTheOtherSide", drainReachesTheOtherSide},
	{"DrainedAgentIsSentNothingNew", drainedAgentIsSentNothingNew},
	{"ReasonReachesTheOtherSide", reasonReachesTheOtherSide},
	{"ReasonOvertakesBulk", reasonOvertakesBulk},
	{"AcceptEndsWithTheSession", acceptEndsWithTheSession},
	{"HTTPRequests", httpRequests},
	{"HTTPUpgrade", httpUpgrade},
	{"HTTPStreamCancelledByClient", httpStreamCancelledByClient},
	{"HTTPAbortedResponseIsAnError", httpAbortedResponseIsAnError},
	{"HTTPShutdownFinishesWhatIsInFlight", httpShutdownFinishesWhatIsInFlight},
}

// soon is how long anything may take that should happen at once, on a machine that is busy with other tests.
const soon = 30 * time.Second

// freed is the bar for a cancel to free the other side: 250 ms, times ten for busy machines.
const freed = 2500 * time.Millisecond

var plain = tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "r1"}

// connect is Connect with time to open streams on a machine that is busy with other tests.
func connect(t testing.TB, lay Lay, agent, plane tunnel.Config) Rig {
	t.Helper()
	for _, cfg := range []*tunnel.Config{&agent, &plane} {
		if cfg.OpenTimeout == 0 {
			cfg.OpenTimeout = soon
		}
	}
	return Connect(t, lay(t), agent, plane)
}

// eventually polls for what no event announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(soon)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, soon)
		}
	}
}

// within fails the test if a channel is not ready in time.
func within[T any](t testing.TB, d time.Duration, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(d):
		t.Fatalf("%s: not within %s", what, d)
		panic("unreachable")
	}
}

// open opens one stream and gives both its ends.
func open(t testing.TB, rig Rig, h tunnel.Header) (plane, agent *tunnel.Conn) {
	t.Helper()
	taken := make(chan *tunnel.Conn, 1)
	go func() {
		if c, err := rig.Agent.Accept(); err == nil {
			taken <- c.(*tunnel.Conn)
		}
	}()
	plane, err := rig.Plane.Open(t.Context(), h)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return plane, within(t, soon, "accept", taken)
}

// serve accepts streams until the session ends and handles each.
func serve(s tunnel.Session, handle func(*tunnel.Conn)) {
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			go handle(c.(*tunnel.Conn))
		}
	}()
}

func echo(c *tunnel.Conn) {
	io.Copy(c, c)
	c.Close()
}

// fill writes until the other side's window is full and the writer is blocked; what its Write at last returns is sent.
func fill(t testing.TB, c *tunnel.Conn) (failed <-chan error) {
	t.Helper()
	result := make(chan error, 1)
	progress := make(chan struct{}, 1)
	go func() {
		piece := make([]byte, 64<<10)
		for {
			if _, err := c.Write(piece); err != nil {
				result <- err
				return
			}
			select {
			case progress <- struct{}{}:
			default:
			}
		}
	}()
	untilQuiet(progress)
	return result
}

// wantClose checks that an error is a *tunnel.CloseError with a reason.
func wantClose(t testing.TB, err error, reason tunnel.Reason, remote bool) {
	t.Helper()
	var e *tunnel.CloseError
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a *CloseError with reason %q", err, reason)
		return
	}
	if e.Reason != reason || e.Remote != remote {
		t.Errorf("got %+v, want reason %q, remote %v", *e, reason, remote)
	}
}

func noise(n int) []byte {
	var seed [32]byte
	copy(seed[:], "tunneltest")
	b := make([]byte, n)
	rand.NewChaCha8(seed).Read(b)
	return b
}

func digest(b []byte) [32]byte { return sha256.Sum256(b) }

// goroutines lists what runs of the code under test.
func goroutines() (n int, stacks string) {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range bytes.Split(buf, []byte("\n\n")) {
		text := string(g)
		if strings.Contains(text, "kubechat/tunnel.") || strings.Contains(text, "yamux.") || strings.Contains(text, "quic-go") {
			n++
			stacks += text + "\n\n"
		}
	}
	return n, stacks
}

func wantNoGoroutines(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		n, stacks := goroutines()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left:\n%s", n, stacks)
		}
		runtime.Gosched()
	}
}

func closingLeavesNoGoroutine(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	serve(rig.Agent, echo)
	for range 20 { // left open, each with a blocked reader
		c, err := rig.Plane.Open(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, c)
	}
	rig.Plane.Close()
	rig.Agent.Close()
	wantNoGoroutines(t)
}

func cutLeavesNoGoroutine(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	serve(rig.Agent, func(c *tunnel.Conn) { io.Copy(io.Discard, c) })
	for range 8 {
		c, err := rig.Plane.Open(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(c, zeros{})
	}
	rig.Cut()
	for _, s := range []tunnel.Session{rig.Agent, rig.Plane} {
		within(t, soon, "the session's end", s.Done())
		wantClose(t, s.Cause(), tunnel.ReasonLost, false)
	}
	wantNoGoroutines(t)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func cancelledStreamsFreeTheirMemory(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const streams = 12
	var readers, writers []*tunnel.Conn
	var ends []<-chan error
	for range streams {
		reader, writer := open(t, rig, plain)
		readers = append(readers, reader)
		writers = append(writers, writer)
		ends = append(ends, fill(t, writer))
	}
	if full := heap(); full < before+streams*128<<10 {
		t.Fatalf("%d full windows hold only %d KiB: the check proves nothing", streams, (full-before)>>10)
	}
	for _, c := range readers {
		c.Close()
	}
	for i, failed := range ends {
		within(t, freed, "the writer's end", failed)
		writers[i].Close()
	}
	eventually(t, "streams released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
	eventually(t, "memory released", func() bool { return heap() < before+streams*16<<10 })
	runtime.KeepAlive(readers)
	runtime.KeepAlive(writers)
}

func helloIsKnownToBoth(t *testing.T, lay Lay) {
	agent := tunnel.Hello{Name: "agent-7", Version: "1.2.3", Capabilities: []string{"a", "b"}, Attrs: map[string]string{"k8s": "v1.37"}}
	rig := connect(t, lay, tunnel.Config{Hello: agent}, tunnel.Config{Hello: tunnel.Hello{Name: "replica-1"}})
	if got := rig.Plane.Peer(); got.Name != "agent-7" || got.Attrs["k8s"] != "v1.37" || !slices.Contains(got.Capabilities, "b") {
		t.Errorf("the plane knows %+v", got)
	}
	if got := rig.Agent.Peer().Name; got != "replica-1" {
		t.Errorf("the agent knows the replica as %q", got)
	}
}

func helloRefusedWithItsReason(t *testing.T, lay Lay) {
	_, agentErr, planeErr := lay(t).greet(tunnel.Config{}, tunnel.Config{Check: func(tunnel.Hello) error {
		return errors.New("this cluster is not ours")
	}})
	wantClose(t, agentErr, tunnel.ReasonUnacceptable, true)
	wantClose(t, planeErr, tunnel.ReasonUnacceptable, false)
	if agentErr == nil || !strings.Contains(agentErr.Error(), "this cluster is not ours") {
		t.Errorf("the agent is told %v", agentErr)
	}
}

func pingMeasuresTheRoundTrip(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	for _, s := range []tunnel.Session{rig.Agent, rig.Plane} {
		if rtt, err := s.Ping(t.Context()); err != nil || rtt <= 0 || rtt > soon {
			t.Errorf("ping: %v, %v", rtt, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rig.Stall()
	if _, err := rig.Plane.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ping with an ended ctx: %v", err)
	}
}
