// Command standin answers for the kubelet of the simulated nodes: logs, exec, attach and port-forward of pods that
// kwok only pretends to run. What is executed is played by this program (see shell.go); nothing ever reaches a shell
// of the machine. The streams themselves are those of a real kubelet, by k8s.io/cri-streaming.
//
//	standin --listen 127.0.0.1:10247 --cert node.crt --key node.key --client-ca ca.crt
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// streamTimeouts are a kubelet's own defaults.
const (
	idleTimeout     = 4 * time.Hour
	creationTimeout = 30 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("standin", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:10247", "address")
	cert := flags.String("cert", "", "certificate file")
	key := flags.String("key", "", "key file")
	ca := flags.String("client-ca", "", "certificates of the only allowed client, the API server")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return fmt.Errorf("read the client CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return errors.New("the client CA holds no certificate")
	}
	server := &http.Server{
		Addr: *listen, Handler: handler(), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:    &tls.Config{ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // upgrades need HTTP/1.1
	}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.ListenAndServeTLS(*cert, *key); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", logs)
	for _, pattern := range []string{"/exec/{namespace}/{pod}/{container}", "/exec/{namespace}/{pod}/{uid}/{container}"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			options, err := remotecommand.NewOptions(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			remotecommand.ServeExec(w, r, player{}, r.PathValue("pod"), r.PathValue("uid"), r.PathValue("container"), r.URL.Query()["command"],
				options, idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
		})
	}
	for _, pattern := range []string{"/attach/{namespace}/{pod}/{container}", "/attach/{namespace}/{pod}/{uid}/{container}"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			options, err := remotecommand.NewOptions(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			remotecommand.ServeAttach(w, r, player{}, r.PathValue("pod"), r.PathValue("uid"), r.PathValue("container"),
				options, idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
		})
	}
	for _, pattern := range []string{"/portForward/{namespace}/{pod}", "/portForward/{namespace}/{pod}/{uid}"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			options, err := portforward.NewV4Options(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			portforward.ServePortForward(w, r, player{}, r.PathValue("pod"), r.PathValue("uid"), options,
				idleTimeout, creationTimeout, portforward.SupportedProtocols)
		})
	}
	return mux
}

// logs plays a container's log: what there is, and with follow a line each quarter of a second.
func logs(w http.ResponseWriter, r *http.Request) {
	tail := 20
	if n, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
		tail = n
	}
	line := func(at time.Time) error {
		stamp := ""
		if r.URL.Query().Get("timestamps") == "true" {
			stamp = at.UTC().Format(time.RFC3339Nano) + " "
		}
		_, err := fmt.Fprintf(w, "%slevel=info msg=\"simulated\" pod=%s at=%s\n", stamp, r.PathValue("pod"), at.UTC().Format(time.RFC3339Nano))
		return err
	}
	now := time.Now()
	for i := tail; i > 0; i-- {
		if line(now.Add(-time.Duration(i)*time.Second)) != nil {
			return
		}
	}
	if r.URL.Query().Get("follow") != "true" {
		return
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case at := <-tick.C:
			if line(at) != nil {
				return
			}
		}
	}
}

// player plays the containers.
type player struct{}

// PortForward answers HTTP on every port, as the shop's web server would.
func (player) PortForward(_ context.Context, name, _ string, port int32, stream io.ReadWriteCloser) error {
	one := &oneConn{stream: stream, done: make(chan struct{})}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s:%d (simulated): %s %s\n", name, port, r.Method, r.URL.Path)
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	err := server.Serve(one)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
