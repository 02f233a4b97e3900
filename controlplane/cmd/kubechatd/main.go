// Command kubechatd is the KubeChat service: it accepts the agents' tunnels, runs the chat, and serves pages and API.
// Settings come from flags, and for each flag from the environment: --web-addr is KUBECHAT_WEB_ADDR.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/internal/version"
)

// env is everything a command touches outside of its arguments.
type env struct {
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

type command struct {
	name    string
	summary string
	run     func(ctx context.Context, e *env, args []string) error
}

// further holds the commands that only some builds have.
var further []command

func commands() []command {
	return append([]command{
		{"serve", "run the service", runServe},
		{"migrate", "bring the database's schema to what this version needs", runMigrate},
		{"bootstrap", "make an organisation and print its first admin's single-use token", runBootstrap},
		{"pki", "look at the certificate authorities, replace and revoke them", runPKI},
		{"openapi", "print the description of the API", runOpenAPI},
		{"version", "say which version this is", runVersion},
	}, further...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &env{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "kubechatd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, e *env, args []string) error {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(ctx, e, args[1:])
			}
		}
	}
	fmt.Fprintln(e.err, "Usage: kubechatd COMMAND [--help]")
	for _, c := range commands() {
		fmt.Fprintf(e.err, "  %-10s %s\n", c.name, c.summary)
	}
	if len(args) > 0 && args[0] != "help" && args[0] != "--help" && args[0] != "-h" {
		return fmt.Errorf("no such command: %s", args[0])
	}
	return nil
}

// flags makes a flag set of which every flag can also be set in the environment.
func (e *env) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("kubechatd "+name, flag.ContinueOnError)
	f.SetOutput(e.err)
	return f
}

// parse reads the environment first, so that a flag wins over it.
func (e *env) parse(f *flag.FlagSet, args []string) error {
	var errs []error
	f.VisitAll(func(fl *flag.Flag) {
		name := "KUBECHAT_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		if v := e.getenv(name); v != "" {
			if err := f.Set(fl.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return nil
}

func runOpenAPI(_ context.Context, e *env, _ []string) error {
	_, err := e.out.Write(httpapi.Describe())
	return err
}

func runVersion(_ context.Context, e *env, _ []string) error {
	_, err := fmt.Fprintln(e.out, "kubechatd "+version.Version)
	return err
}
