package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// probe asks an agent's /readyz until it is ready. The image holds no other program that could, and `helm test` needs
// one. A URL of scheme tcp is asked over HTTP: Kubernetes writes a Service's address so into each pod's environment
// (NAME_PORT=tcp://HOST:PORT), where it works without the cluster's DNS and whatever the address family.
func probe(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("kubechat-agent probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	wait := flags.Duration("wait", 0, "how long to wait for it")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%w: probe needs one URL", errUsage)
	}
	url := flags.Arg(0)
	if at, isService := strings.CutPrefix(url, "tcp://"); isService {
		url = "http://" + at
	}
	client := &http.Client{Timeout: 5 * time.Second}
	for deadline := time.Now().Add(*wait); ; {
		said, err := ask(ctx, client, url)
		if err == nil {
			_, _ = fmt.Fprintln(stdout, said)
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		_, _ = fmt.Fprintln(stdout, "not yet:", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return "", err
	}
	said := strings.TrimSpace(string(body))
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the agent is not ready: %s", said)
	}
	return said, nil
}
