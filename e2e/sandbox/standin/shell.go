package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	utilexec "k8s.io/client-go/util/exec"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// ExecInContainer plays a command.
func (player) ExecInContainer(ctx context.Context, name, _, container string, cmd []string, in io.Reader, out, stderr io.WriteCloser,
	tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if stderr == nil {
		stderr = out // a terminal has one output
	}
	s := &shell{pod: name, container: container, in: in, out: out, err: stderr, tty: tty, resize: resize}
	return exitError(s.run(ctx, cmd))
}

// AttachContainer plays a container that writes now and then.
func (player) AttachContainer(ctx context.Context, name, _, _ string, in io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := fmt.Fprintf(out, "%s is simulated\r\n", name); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func exitError(code int) error {
	if code == 0 {
		return nil
	}
	return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
}

// shell understands a handful of words, and none of the machine's programs.
type shell struct {
	pod, container string
	in             io.Reader
	out, err       io.Writer
	tty            bool
	resize         <-chan remotecommand.TerminalSize
	size           remotecommand.TerminalSize
}

func (s *shell) run(ctx context.Context, argv []string) int {
	if len(argv) == 0 {
		return 127
	}
	switch argv[0] {
	case "sh", "bash", "ash", "/bin/sh", "/bin/bash":
		if len(argv) > 2 && argv[1] == "-c" {
			return s.script(ctx, argv[2])
		}
		return s.interactive(ctx)
	case "echo":
		fmt.Fprintln(s.out, strings.Join(argv[1:], " "))
	case "cat":
		if len(argv) > 1 {
			fmt.Fprintf(s.err, "cat: %s: simulated containers have no files\n", argv[1])
			return 1
		}
		if s.in != nil {
			if _, err := io.Copy(s.out, s.in); err != nil {
				return 1
			}
		}
	case "hostname":
		fmt.Fprintln(s.out, s.pod)
	case "env":
		fmt.Fprintf(s.out, "HOSTNAME=%s\nCONTAINER=%s\nSIMULATED=true\n", s.pod, s.container)
	case "stty":
		s.catchUp()
		fmt.Fprintf(s.out, "%d %d\n", s.size.Height, s.size.Width)
	case "true", "ls", "id":
		return 0
	case "false":
		return 1
	default:
		fmt.Fprintf(s.err, "%s: not found (this pod is simulated: sh, echo, cat, env, hostname, stty, true, false)\n", argv[0])
		return 127
	}
	return 0
}

// catchUp takes in the sizes that have arrived.
func (s *shell) catchUp() {
	for {
		select {
		case size, ok := <-s.resize:
			if !ok {
				return
			}
			s.size = size
		default:
			return
		}
	}
}

func (s *shell) script(ctx context.Context, text string) int {
	code := 0
	for line := range strings.SplitSeq(text, ";") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if words[0] == "exit" {
			return exitCode(words, code)
		}
		code = s.run(ctx, words)
	}
	return code
}

func (s *shell) interactive(ctx context.Context) int {
	if s.in == nil {
		return 0
	}
	newline := "\n"
	if s.tty {
		newline = "\r\n"
	}
	code, lines := 0, bufio.NewScanner(s.in)
	lines.Split(scanLines)
	for {
		if s.tty {
			fmt.Fprint(s.out, "simulated$ ")
		}
		if !lines.Scan() {
			return code
		}
		if s.tty {
			fmt.Fprint(s.out, lines.Text()+newline) // a terminal echoes
		}
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "exit" {
			return exitCode(words, code)
		}
		code = s.run(ctx, words)
	}
}

// scanLines ends a line at a carriage return too: what a terminal sends.
func scanLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := strings.IndexAny(string(data), "\r\n"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func exitCode(words []string, last int) int {
	if len(words) < 2 {
		return last
	}
	n, err := strconv.Atoi(words[1])
	if err != nil {
		return 2
	}
	return n & 255
}
