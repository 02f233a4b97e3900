// Command workload plays every part in the demo's shop: a busy web server, a quiet worker, a job that ends, a
// program that crashes for a reason its log tells. The part is the first argument.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	part := "worker"
	if len(os.Args) > 1 {
		part = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	parts := map[string]func(context.Context, []string) error{
		"web": web, "worker": worker, "batch": batch, "crash": crash,
	}
	play := parts[part]
	if play == nil {
		fmt.Fprintf(os.Stderr, "workload: no part %q: web, worker, batch or crash\n", part)
		os.Exit(2)
	}
	if err := play(ctx, os.Args[min(2, len(os.Args)):]); err != nil {
		say("level=error msg=%q", err.Error())
		os.Exit(1)
	}
}

func say(format string, args ...any) {
	fmt.Printf(time.Now().UTC().Format(time.RFC3339Nano)+" "+format+"\n", args...)
}

// web answers on :8080 and logs as if customers came by, several lines a second.
func web(ctx context.Context, _ []string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		host, _ := os.Hostname()
		fmt.Fprintf(w, "hello from %s: %s %s\n", host, r.Method, r.URL.Path)
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1) // one server, one error
	go func() { failed <- server.ListenAndServe() }()
	paths := []string{"/", "/cart", "/items/4711", "/items/42", "/checkout", "/search?q=lamp"}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			say("level=info msg=\"shutting down\"")
			return server.Close()
		case <-tick.C:
			say("level=info method=GET path=%s status=200 duration=%dms", paths[rand.IntN(len(paths))], 3+rand.IntN(40))
		}
	}
}

func worker(ctx context.Context, _ []string) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		say("level=info msg=\"batch done\" batch=%d items=%d", n, rand.IntN(200))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func batch(context.Context, []string) error {
	for i := range 5 {
		say("level=info msg=\"imported\" file=prices-%d.csv rows=%d", i, 1000+rand.IntN(9000))
	}
	return nil
}

func crash(ctx context.Context, args []string) error {
	target := "ledger-db.payments.svc:5432"
	if len(args) > 0 {
		target = args[0]
	}
	say("level=info msg=\"starting\" version=2.3.1")
	for i := range 3 {
		say("level=warn msg=\"connect failed, retrying\" target=%s attempt=%d", target, i+1)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(300 * time.Millisecond):
		}
	}
	return fmt.Errorf("connect to %s: connection refused", target)
}
