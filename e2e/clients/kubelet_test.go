package clients

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/kubechat/kubechat/e2e/kubetest"
)

// player is what runs in the containers; the streams to it are those of a real kubelet, by k8s.io/cri-streaming. Commands:
//
//	cat          its input, on standard output
//	complain     its input, on standard error
//	sum          the SHA-256 of its input
//	exit N       ends with N
//	fail         can't be run
//	late N       N lines, 10 ms apart, after the end of its input
//	sizes N      the first N sizes of its terminal
type player struct{}

// exitError is what a command that ended with a code is to cri-streaming (k8s.io/utils/exec.ExitError).
type exitError int

func (e exitError) Error() string   { return fmt.Sprintf("exit status %d", int(e)) }
func (e exitError) String() string  { return e.Error() }
func (e exitError) Exited() bool    { return true }
func (e exitError) ExitStatus() int { return int(e) }

// ExecInContainer implements remotecommand.Executor.
func (player) ExecInContainer(_ context.Context, _, _, _ string, cmd []string, in io.Reader, out, errs io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	number := 0
	if len(cmd) > 1 {
		number, _ = strconv.Atoi(cmd[1])
	}
	switch cmd[0] {
	case "cat":
		_, err := io.Copy(out, in)
		return err
	case "complain":
		_, err := io.Copy(errs, in)
		return err
	case "sum":
		h := sha256.New()
		n, err := io.Copy(h, in)
		_, _ = fmt.Fprintf(out, "%d %x", n, h.Sum(nil))
		return err
	case "exit":
		return exitError(number)
	case "late":
		if _, err := io.Copy(io.Discard, in); err != nil {
			return err
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := range number {
			if _, err := fmt.Fprintf(out, "line %d\n", i); err != nil {
				return err
			}
			<-tick.C
		}
		return nil
	case "sizes":
		for range number {
			size := <-resize
			if _, err := fmt.Fprintf(out, "%dx%d ", size.Width, size.Height); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("no such command: " + cmd[0])
}

// PortForward implements portforward.PortForwarder: port 7 says back what it is told, and every other one refuses.
func (player) PortForward(_ context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	if port != 7 && port != 77 {
		return fmt.Errorf("nobody listens on port %d", port)
	}
	_, err := io.Copy(stream, stream)
	return err
}

const idle, creation = time.Hour, 30 * time.Second

func serveExec(w http.ResponseWriter, r *http.Request, options *remotecommand.Options) {
	remotecommand.ServeExec(w, r, player{}, r.PathValue("pod"), "", "main", r.URL.Query()["command"], options, idle, creation, remotecommand.SupportedStreamingProtocols)
}

func servePorts(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, player{}, r.PathValue("pod"), "", options, idle, creation, portforward.SupportedProtocols)
}

// kubelet is one for the real API server, which tells it what to do; its port is returned.
func kubelet(t *testing.T) int {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		serveExec(w, r, options)
	})
	mux.HandleFunc("/portForward/{namespace}/{pod}", servePorts)
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	// The API server believes certificates of its own authority only; its own is one for 127.0.0.1.
	folder := filepath.Dir(kubetest.APIServer(t))
	own, err := tls.LoadX509KeyPair(filepath.Join(folder, "apiserver.crt"), filepath.Join(folder, "apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.Listener.Addr().(*net.TCPAddr).Port
}
