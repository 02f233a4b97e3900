// Command kubechat is KubeChat on a laptop: sign in, ask in plain words, and hand kubectl what it needs to reach a
// cluster through its tunnel. It keeps one API token per organisation, readable by its owner only.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubechat/kubechat/internal/version"
)

// env is everything a command touches outside of its arguments.
type env struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	tty    bool          // somebody is there to be asked
	lines  *bufio.Reader // of in, once a question was asked
}

// command is one word after kubechat.
type command struct {
	name    string
	args    string
	summary string
	run     func(ctx context.Context, e *env, args []string) error
}

func commands() []command {
	return []command{
		{"login", "--server URL [--token -]", "sign in with an API token", runLogin},
		{"logout", "[--tenant SLUG]", "forget the token, and revoke it", runLogout},
		{"clusters", "[--output json]", "list the clusters of your organisation", runClusters},
		{"ask", "[--output json|jsonl] QUESTION…", "ask or command a cluster in plain words", runAsk},
		{"kubeconfig", "[CLUSTER] [--write FILE]", "print a kubeconfig for a cluster", runKubeconfig},
		{"credential", "--server URL --tenant SLUG", "kubectl's credential plugin", runCredential},
		{"mcp", "[--cluster NAME]", "let an assistant look and propose (MCP, over stdio)", runMCP},
		{"translate", "[--kubeconfig FILE] [--answer]", "translate lines of JSON, with no server", runTranslate},
		{"version", "", "say which version this is", runVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := &env{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, tty: isTerminal(os.Stdin)}
	err := run(ctx, e, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		if text := err.Error(); text != "" {
			fmt.Fprintln(os.Stderr, "kubechat: "+printable(text))
		}
		os.Exit(exitCode(err))
	}
}

// exit is an error that chooses the exit code; with an empty text nothing more is printed.
type exit struct {
	code int
	text string
}

// Error is the text.
func (e exit) Error() string { return e.text }

// The exit codes. Everything else is 1.
const (
	codeUsage    = 2
	codeDeclined = 3   // nothing was done, because nobody approved it, or nobody could be asked: it may still wait
	codeClarify  = 4   // the question needs another word
	codeStopped  = 130 // by Ctrl-C, and so the run was
)

func exitCode(err error) int {
	var e exit
	if errors.As(err, &e) {
		return e.code
	}
	return 1
}

func usagef(format string, args ...any) error { return exit{codeUsage, fmt.Sprintf(format, args...)} }

func run(ctx context.Context, e *env, args []string) error {
	if len(args) == 0 {
		usage(e.err)
		return exit{codeUsage, ""}
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(e.out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, e, args[1:])
		}
	}
	usage(e.err)
	return usagef("no such command: %s", args[0])
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Usage: kubechat COMMAND")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %-32s %s\n", c.name, c.args, c.summary)
	}
}

// flags makes a flag set that prints to the environment and returns its errors.
func (e *env) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("kubechat "+name, flag.ContinueOnError)
	f.SetOutput(e.err)
	return f
}

// parse lets flags stand after arguments as well, as people type them.
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, exit{codeUsage, ""} // the flag set has said it
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

func runVersion(_ context.Context, e *env, _ []string) error {
	_, err := fmt.Fprintln(e.out, "kubechat "+version.Version)
	return err
}
