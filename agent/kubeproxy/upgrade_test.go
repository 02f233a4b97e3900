package kubeproxy_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
)

const execLine = "POST /api/v1/namespaces/shop/pods/cart/exec?command=sh&command=-c"

// switching answers 101 and hands the raw connection to talk.
func switching(t *testing.T, talk func(conn net.Conn, in *bufio.Reader, req *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("take over the connection: %v", err)
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-Stream-Protocol-Version: v5\r\n\r\n", req.Header.Get("Upgrade"))
		talk(conn, buf.Reader, req)
	}
}

func (r *rig) upgrade(ctx context.Context, headers ...string) io.ReadWriteCloser {
	r.t.Helper()
	headers = append(headers, "Connection: Upgrade", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v5")
	res, err := r.as(viewer).RoundTrip(newRequest(r.t, ctx, execLine, headers...))
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != 101 || res.Header.Get("X-Stream-Protocol-Version") != "v5" {
		r.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return res.Body.(io.ReadWriteCloser)
}

func TestUpgradeCarriesBytesBothWaysAsThePerson(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	r := newRig(t, "{}", switching(t, func(conn net.Conn, in *bufio.Reader, req *http.Request) {
		got <- req
		_, _ = io.Copy(conn, in)
	}))
	conn := r.upgrade(t.Context(), "Authorization: Bearer stolen", "Cookie: a=b",
		"Sec-Websocket-Protocol: v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c3RvbGVu", "Sec-Websocket-Protocol: v4.channel.k8s.io")
	lines := bufio.NewReader(conn)
	for i := range 50 {
		want := fmt.Sprintf("keystroke %d\n", i)
		if _, err := io.WriteString(conn, want); err != nil {
			t.Fatal(err)
		}
		if line, err := lines.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
	conn.Close()
	req := within(t, "request", got)
	if req.ProtoMajor != 1 || req.Header.Get("Authorization") != "Bearer agents-own" || req.Header.Get("Impersonate-Group") != "kubechat:viewer" ||
		req.Header.Get("Cookie") != "" || fmt.Sprint(req.Header["Sec-Websocket-Protocol"]) != "[v5.channel.k8s.io, v4.channel.k8s.io]" {
		t.Errorf("%s %v", req.Proto, req.Header)
	}
	if o := within(t, "observation", r.seen); o.Code != 101 || !o.Info.Upgrade {
		t.Errorf("observed %+v", o)
	}
}

func TestAllOutputArrivesAfterInputHasEnded(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	r := newRig(t, "{}", switching(t, func(conn net.Conn, in *bufio.Reader, _ *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, in) // until the input's end
		_, _ = fmt.Fprintf(conn, "%x\n", sum.Sum(nil))
		_, _ = io.Copy(conn, io.LimitReader(zeros{}, size))
	}))
	conn := r.upgrade(t.Context())
	defer conn.Close()
	input := make([]byte, 300_000)
	if _, err := conn.Write(input); err != nil {
		t.Fatal(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(conn)
	if line, err := out.ReadString('\n'); err != nil || line != fmt.Sprintf("%x\n", sha256.Sum256(input)) {
		t.Fatalf("%q, %v", line, err)
	}
	if n, err := io.Copy(io.Discard, out); n != size || err != nil {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
}

func TestLeavingAnUpgradeFreesTheAPIServer(t *testing.T) {
	t.Parallel()
	freed := make(chan error, 1)
	r := newRig(t, "{}", switching(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) {
		_, err := io.Copy(conn, zeros{}) // output that nobody reads to its end
		freed <- err
	}))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	conn := r.upgrade(ctx)
	if _, err := io.ReadFull(conn, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if stream, ok := conn.(interface{ Reset(tunnel.Reason) error }); ok {
		_ = stream.Reset(tunnel.ReasonCancelled)
	}
	conn.Close()
	if err := within(t, "end of the output", freed); err == nil {
		t.Error("output to nobody ended cleanly")
	}
}

func TestRefusedUpgradeIsPassedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "{}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","message":"rbac says no"}`)
	})
	res, body := r.do(execLine, "Connection: Upgrade", "Upgrade: websocket")
	if res.StatusCode != 403 || body != `{"kind":"Status","message":"rbac says no"}` {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestUpgradesShareNoConnection(t *testing.T) {
	t.Parallel()
	addrs := make(chan string, 10)
	r := newRig(t, "{}", func(w http.ResponseWriter, req *http.Request) {
		addrs <- req.RemoteAddr
		w.WriteHeader(http.StatusBadRequest)
	})
	seen := map[string]bool{}
	for range 5 {
		r.do(execLine, "Connection: Upgrade", "Upgrade: websocket")
		addr := within(t, "request", addrs)
		if seen[addr] {
			t.Errorf("connection %s was used again after a failed upgrade", addr)
		}
		seen[addr] = true
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
