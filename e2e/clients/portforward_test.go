package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubechat/kubechat/e2e/rig"
)

func spdyDialer(t *testing.T, c *rig.Client, at string) httpstream.Dialer {
	t.Helper()
	transport, upgrader, err := spdy.RoundTripperFor(config(c))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.Base + at + "/portforward")
	if err != nil {
		t.Fatal(err)
	}
	return spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
}

func webSocketDialer(t *testing.T, c *rig.Client, at string) httpstream.Dialer {
	t.Helper()
	u, err := url.Parse(c.Base + at + "/portforward")
	if err != nil {
		t.Fatal(err)
	}
	d, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, config(c))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPortsForwardedOverARealAPIServer(t *testing.T) {
	t.Parallel()
	_, k := realCluster(t)
	at := pod(t)
	for name, dial := range map[string]func(*testing.T, *rig.Client, string) httpstream.Dialer{
		"SPDY in a WebSocket": webSocketDialer, "SPDY": spdyDialer,
		"kubectl's": func(t *testing.T, c *rig.Client, at string) httpstream.Dialer {
			return portforward.NewFallbackDialerForStreaming(webSocketDialer(t, c, at), spdyDialer(t, c, at), func(err error) bool {
				return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
			})
		},
	} {
		t.Run(name, func(t *testing.T) { forwardAll(t, dial(t, k.Client(t), at)) })
	}
}

func TestPortsForwardedOverAnOldServer(t *testing.T) {
	t.Parallel()
	k, at := oldServer(t)
	c := k.Client(t)
	t.Run("SPDY", func(t *testing.T) { forwardAll(t, spdyDialer(t, c, at)) })
	t.Run("falls back", func(t *testing.T) {
		forwardAll(t, portforward.NewFallbackDialerForStreaming(webSocketDialer(t, c, at), spdyDialer(t, c, at), httpstream.IsUpgradeFailure))
	})
}

// forward runs client-go's port-forwarder until the test ends.
func forward(t *testing.T, d httpstream.Dialer, ports ...string) (f *portforward.PortForwarder, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, over := make(chan struct{}), make(chan error, 1)
	f, err := portforward.NewOnAddressesForStreamingWithContext(ctx, d, []string{"127.0.0.1"}, ports, ready, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { over <- f.ForwardPorts() })
	t.Cleanup(func() { cancel(); done.Wait() })
	select {
	case <-ready:
	case err := <-over:
		t.Fatalf("forward: %v", err)
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	return f, over
}

// forwardAll: two ports at once, many connections, a lot of bytes; and a port that nobody listens on, whose connections end
// without a byte. (client-go tells the reason to its log only.)
func forwardAll(t *testing.T, d httpstream.Dialer) {
	f, _ := forward(t, d, ":7", ":77", ":8")
	ports, err := f.GetPorts()
	if err != nil || len(ports) != 3 {
		t.Fatalf("%v, %v", ports, err)
	}
	at := map[uint16]string{}
	for _, p := range ports {
		at[p.Remote] = fmt.Sprintf("127.0.0.1:%d", p.Local)
	}
	refused := func() {
		conn, err := net.Dial("tcp", at[8])
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if b, _ := io.ReadAll(conn); len(b) > 0 {
			t.Errorf("port 8 said %q", b)
		}
	}
	echo := func(addr string, data []byte) error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		go func() {
			_, _ = conn.Write(data)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if err == nil && !bytes.Equal(got, data) {
			err = errors.New("something else came back")
		}
		return err
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if err := echo(at[[]uint16{7, 77}[i%2]], noise(200_000+i)); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
	refused()
}

func TestPortForwarderIsToldWhenItsTunnelIsLost(t *testing.T) {
	t.Parallel()
	_, k := realCluster(t)
	_, ended := forward(t, webSocketDialer(t, k.Client(t), pod(t)), ":7")
	k.Path.Each((*rig.Link).Reset)
	if err := rig.Within(t, patience, "its end", ended); !errors.Is(err, portforward.ErrLostConnectionToPod) {
		t.Errorf("%v", err)
	}
}
