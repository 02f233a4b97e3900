package tunnelbench

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

const mebi = 1 << 20

// transfer moves bytes in 32 KiB writes and gives MiB/s.
func transfer(from io.Writer, to io.Reader, size int) (float64, error) {
	failed := make(chan error, 1)
	began := time.Now()
	go func() {
		piece := make([]byte, 32<<10)
		for sent := 0; sent < size; sent += len(piece) {
			if _, err := from.Write(piece); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	buf := make([]byte, 64<<10)
	for left := size; left > 0; {
		n, err := to.Read(buf[:min(left, len(buf))])
		if left -= n; err != nil && left > 0 {
			return 0, err
		}
	}
	took := time.Since(began)
	return float64(size) / mebi / took.Seconds(), <-failed
}

// stream is one stream's throughput from agent to plane against a plain TLS connection, over each transport in turn.
func stream(ctx context.Context, cfg Config) ([]Result, error) {
	carriers := []struct {
		name, note   string
		bar, stretch float64
		connect      func(context.Context, link) (*pair, error)
	}{
		{"TLS", "", 0.60, 0.75, connect},
		{"WebSocket", "; encrypted twice", 0.22, 0.35, connectWebSocket},
		{"QUIC", "", 0.20, 0.30, connectQUIC},
		{"TLS with libp2p/go-yamux", "; not what KubeChat uses", 0, 0, connectGoYamux},
	}
	const size, turns = 32 * mebi, 3
	pairs := make([]*pair, len(carriers))
	streams := make([]struct{ agent, plane net.Conn }, len(carriers))
	for i, c := range carriers {
		p, err := c.connect(ctx, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		defer p.close()
		pairs[i] = p
		if streams[i].plane, streams[i].agent, err = p.open(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	ratios, speeds := make([][]float64, len(carriers)), make([][]float64, len(carriers))
	var plain []float64
	for round := range cfg.Rounds + 1 {
		var bare float64
		took := make([]float64, len(carriers))
		for turn := range turns { // short turns, so that what else the machine does hits all
			a, err := transfer(pairs[0].client, pairs[0].server, size)
			if err != nil {
				return nil, fmt.Errorf("plain TLS: %w", err)
			}
			bare += 1 / a
			for n := range carriers {
				i := (n + turn + round) % len(carriers)
				b, err := transfer(streams[i].agent, streams[i].plane, size)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", carriers[i].name, err)
				}
				took[i] += 1 / b
			}
		}
		if round == 0 {
			continue // windows grow, buffers are made
		}
		plain = append(plain, turns/bare)
		for i := range carriers {
			ratios[i] = append(ratios[i], bare/took[i])
			speeds[i] = append(speeds[i], turns/took[i])
		}
	}
	var results []Result
	for i, c := range carriers {
		results = append(results, Result{Name: "one stream against plain TLS: " + c.name, Value: median(ratios[i]), Unit: "ratio", Bar: c.bar, Stretch: c.stretch,
			Detail: fmt.Sprintf("median of %d rounds, %.0f against %.0f MiB/s%s", cfg.Rounds, median(speeds[i]), median(plain), c.note)})
	}
	return results, nil
}

// request is the latency of opening a stream for one small request, beside the same on an open TLS connection.
func request(ctx context.Context, cfg Config) ([]Result, error) {
	p, err := connect(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer p.close()
	go answer(p.client)
	go serve(p.agent)
	other, err := connectGoYamux(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer other.close()
	go serve(other.agent)
	line := make([]byte, lineSize)
	fresh := func(s tunnel.Session) func() error {
		return func() error {
			c, err := s.Open(ctx, header)
			if err != nil {
				return err
			}
			defer c.Close()
			return ask(c, line)
		}
	}
	early := func(s tunnel.Session) func() error {
		return func() error {
			c, err := tunnel.OpenEarly(ctx, s, header, line)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = io.ReadFull(c, line)
			return err
		}
	}
	ways := []func() error{func() error { return ask(p.server, line) }, fresh(p.plane), early(p.plane), fresh(other.plane), early(other.plane)}
	const each = 300
	p50 := make([][]float64, len(ways))
	cpu := make([][]float64, len(ways))
	for round := range cfg.Rounds + 1 {
		for i, way := range ways {
			times := make([]time.Duration, 0, each)
			used := processCPU()
			for range each {
				began := time.Now()
				if err := way(); err != nil {
					return nil, err
				}
				times = append(times, time.Since(began))
			}
			if round > 0 {
				p50[i] = append(p50[i], ms(median(times)))
				cpu[i] = append(cpu[i], ms(processCPU()-used)/each)
			}
		}
	}
	var results []Result
	for i, name := range []string{
		1: "a request on a stream of its own, added p50",
		2: "the same with its payload in the header's frame, added p50",
		3: "a request on a stream of its own with libp2p/go-yamux, added p50",
		4: "the same with its payload in the header's frame with libp2p/go-yamux, added p50",
	} {
		if i > 0 {
			results = append(results, Result{Name: name, Value: median(p50[i]) - median(p50[0]), Unit: "ms",
				Detail: fmt.Sprintf("%.3f ms against %.3f ms on an open TLS connection; CPU of both ends %.3f against %.3f ms",
					median(p50[i]), median(p50[0]), median(cpu[i]), median(cpu[0]))})
		}
	}
	return results, nil
}

const lineSize = 100

// serve answers one line on each stream.
func serve(agent net.Listener) {
	for {
		c, err := agent.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			line := make([]byte, lineSize)
			if _, err := io.ReadFull(c, line); err == nil {
				c.Write(line)
			}
		}()
	}
}

func answer(c net.Conn) {
	line := make([]byte, lineSize)
	for {
		if _, err := io.ReadFull(c, line); err != nil {
			return
		}
		if _, err := c.Write(line); err != nil {
			return
		}
	}
}

func ask(c io.ReadWriter, line []byte) error {
	if _, err := c.Write(line); err != nil {
		return err
	}
	_, err := io.ReadFull(c, line)
	return err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// far is one stream over a long path.
func far(ctx context.Context, cfg Config) ([]Result, error) {
	var results []Result
	for _, c := range []struct {
		rtt     time.Duration
		bar     float64
		with    string
		connect func(context.Context, link) (*pair, error)
	}{
		{50 * time.Millisecond, 80, "", connect},
		{100 * time.Millisecond, 40, "", connect},
		{50 * time.Millisecond, 0, " with libp2p/go-yamux", connectGoYamux},
	} {
		p, err := c.connect(ctx, path(c.rtt/2, 0))
		if err != nil {
			return nil, err
		}
		tunnelled, plain, err := farStream(ctx, p, cfg.Rounds)
		p.close()
		if err != nil {
			return nil, err
		}
		results = append(results, Result{Name: fmt.Sprintf("one stream at %s round trip%s", c.rtt, c.with), Value: tunnelled, Unit: "MiB/s", Bar: c.bar,
			Detail: fmt.Sprintf("median of %d, after the path and the window have warmed up; plain TLS over such a path: %.0f MiB/s", cfg.Rounds, plain)})
	}
	return results, nil
}

func farStream(ctx context.Context, p *pair, rounds int) (tunnelled, plain float64, err error) {
	plane, agent, err := p.open(ctx)
	if err != nil {
		return 0, 0, err
	}
	var ours, bare []float64
	for round := range rounds + 1 {
		a, err := transfer(agent, plane, 64*mebi)
		if err != nil {
			return 0, 0, fmt.Errorf("tunnel: %w", err)
		}
		b, err := transfer(p.client, p.server, 64*mebi)
		if err != nil {
			return 0, 0, fmt.Errorf("plain TLS: %w", err)
		}
		if round > 0 {
			ours, bare = append(ours, a), append(bare, b)
		}
	}
	return median(ours), median(bare), nil
}

func path(delay time.Duration, rate int) link {
	return func(target string) (string, io.Closer, error) {
		p, err := tunneltest.NewPath(target, delay, rate)
		if err != nil {
			return "", nil, err
		}
		return p.Addr(), p, nil
	}
}

// keystroke is the echo of a keystroke beside lists that fill a thin path.
func keystroke(ctx context.Context, _ Config) ([]Result, error) {
	const thin, lists, keys = 100_000_000 / 8, 8, 300
	p, err := connect(ctx, path(0, thin))
	if err != nil {
		return nil, err
	}
	defer p.close()
	shell, inPod, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	go io.Copy(inPod, inPod)
	idle, err := echoes(shell, keys)
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	for range lists {
		plane, agent, err := p.open(ctx)
		if err != nil {
			return nil, err
		}
		running.Go(func() { io.Copy(agent, endless{}) })
		running.Go(func() { io.Copy(io.Discard, plane) })
	}
	if _, err := echoes(shell, keys/3); err != nil { // until the path is full
		return nil, err
	}
	busy, err := echoes(shell, keys)
	p.plane.Close()
	running.Wait()
	if err != nil {
		return nil, err
	}
	at := func(times []time.Duration) float64 { return ms(quantile(times, 0.99)) }
	return []Result{{Name: "keystroke echo p99 beside 8 lists at 100 Mbit/s, above idle", Value: at(busy) - at(idle), Unit: "ms", Bar: 50, Atmost: true,
		Detail: fmt.Sprintf("p99 %.1f ms against %.1f ms idle, p50 %.1f against %.1f ms", at(busy), at(idle), ms(median(busy)), ms(median(idle)))}}, nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func echoes(c io.ReadWriter, n int) ([]time.Duration, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	key := make([]byte, 1)
	times := make([]time.Duration, 0, n)
	for range n {
		<-tick.C
		began := time.Now()
		if err := ask(c, key); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}
