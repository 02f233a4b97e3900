package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	execFor      = time.Minute // a program that runs longer is left to itself
	maxExecBytes = 256 << 10   // of its output
)

// exec runs one program in one container: a list of words, no shell, no terminal, nothing on its standard input.
func (b *changer) exec(ctx context.Context) ([]change, error) {
	if len(b.step.Args.Command) == 0 {
		return nil, problem.New(problem.Invalid, "It is not said which program to run.")
	}
	pod, err := b.runningPod(ctx)
	if err != nil {
		return nil, err
	}
	names, of, err := logContainers(pod, b.step)
	if err != nil {
		return nil, err
	}
	container := names[0]
	seen, err := b.pre(pods, pod)
	if err != nil {
		return nil, err
	}
	ch := change{
		title: "pod/" + pod.GetName(), seen: seen,
		warnings: []string{"Runs in container " + container + ". What a program does cannot be previewed, and not be undone."},
		run: func(ctx context.Context, dry bool) (response, error) {
			if dry {
				return response{}, nil
			}
			return b.c.runProgram(ctx, pod, container, b.step.Args.Command)
		},
	}
	if len(of) > 1 {
		ch.warnings = append(ch.warnings, "The pod also has: "+strings.Join(of, ", ")+". Name another one if you mean that.")
	}
	return []change{ch}, nil
}

// runningPod is the pod that the step names, or one that runs of the workload that it names: with a preview, that one.
func (b *changer) runningPod(ctx context.Context) (*unstructured.Unstructured, error) {
	step := b.step
	if len(b.seen) > 0 {
		step.Resource, step.Names = pods, []string{b.seen[0].Name}
	}
	found, err := b.c.logPods(ctx, step)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if phase, _, _ := unstructured.NestedString(found[i].Object, "status", "phase"); phase == "Running" && found[i].GetDeletionTimestamp() == nil {
			return &found[i], nil
		}
	}
	if len(found) == 1 {
		return nil, problem.Newf(problem.Conflict, "pod/%s does not run, so nothing can be run in it.", found[0].GetName())
	}
	return nil, problem.New(problem.Conflict, "No pod of it runs, so nothing can be run in one.")
}

// runProgram speaks the API's exec protocol over a WebSocket: each message begins with the number of its channel.
func (c *Cluster) runProgram(ctx context.Context, pod *unstructured.Unstructured, container string, argv []string) (response, error) {
	bounded, cancel := context.WithTimeout(ctx, execFor)
	defer cancel()
	q := url.Values{"container": {container}, "command": argv, "stdout": {"true"}, "stderr": {"true"}}
	conn, err := c.upgrade(bounded, objectPath(pods, pod.GetNamespace(), pod.GetName(), "exec"), q, "v5.channel.k8s.io")
	if err != nil {
		return response{}, err
	}
	stop := context.AfterFunc(bounded, func() { conn.Close() }) // a read does not listen to a context
	defer stop()
	defer conn.Close()
	out := &execOutput{pod: pod.GetName(), container: container}
	err = out.readAll(ctx, &frames{rw: conn})
	res := response{status: http.StatusOK, parts: out.parts()}
	switch {
	case ctx.Err() != nil:
		return res, unreachable(ctx, context.Cause(ctx))
	case bounded.Err() != nil:
		res.did = fmt.Sprintf("still ran %q after %s; it was left to itself", argv[0], nlp.Duration(execFor))
		return res, nil
	case err != nil:
		return res, err
	}
	res.did = "ran " + argv[0]
	if out.cut {
		res.did += fmt.Sprintf("; its output was cut off after %d KiB, and it may still run", maxExecBytes>>10)
	}
	return res, out.ended(argv[0])
}

// upgrade turns a request into a WebSocket. Whoever gets it closes it.
func (c *Cluster) upgrade(ctx context.Context, path string, q url.Values, protocol string) (io.ReadWriteCloser, error) {
	r := request{method: http.MethodGet, path: path, query: q, header: map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": webSocketKey(), "Sec-WebSocket-Protocol": protocol,
	}}
	res, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer res.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // as much of the reason as there is
		return nil, apiError(r, response{status: max(res.StatusCode, http.StatusBadRequest), body: body})
	}
	conn, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		res.Body.Close()
		return nil, problem.New(problem.Unavailable, "The way to the cluster carries no program's output.")
	}
	return conn, nil
}

// The channels of the exec protocol that a program without input has.
const (
	stdoutChannel = 1
	stderrChannel = 2
	statusChannel = 3
)

// execOutput is what a program wrote, and how it ended.
type execOutput struct {
	pod, container string
	stdout, stderr strings.Builder
	status         *metav1.Status
	cut            bool
}

func (o *execOutput) readAll(ctx context.Context, f *frames) error {
	for o.status == nil && !o.cut {
		message, err := f.next()
		if err != nil {
			return unreachable(ctx, fmt.Errorf("read a program's output: %w", err))
		}
		metered(ctx, len(message))
		if len(message) == 0 {
			continue
		}
		switch text := message[1:]; message[0] {
		case stdoutChannel:
			o.write(&o.stdout, text)
		case stderrChannel:
			o.write(&o.stderr, text)
		case statusChannel:
			o.status = &metav1.Status{}
			if err := json.Unmarshal(text, o.status); err != nil {
				return problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
			}
		}
	}
	return nil
}

func (o *execOutput) write(to *strings.Builder, text []byte) {
	left := maxExecBytes - o.stdout.Len() - o.stderr.Len()
	if len(text) > left {
		text, o.cut = text[:left], true
	}
	to.Write(text)
}

// parts are the lines that it wrote, redacted like a log.
func (o *execOutput) parts() []chat.Part {
	var out []chat.Part
	for _, w := range []struct {
		text, of string
	}{{o.stdout.String(), o.container}, {o.stderr.String(), o.container + " (standard error)"}} {
		if w.text == "" {
			continue
		}
		l := chat.Log{Lines: []string{}, Pod: o.pod, Container: w.of}
		for _, line := range lines(redactText(strings.ToValidUTF8(w.text, "\uFFFD"))) {
			l.Lines = append(l.Lines, strings.TrimRight(line, "\r"))
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		out = append(out, chat.Text{Text: "It wrote nothing."})
	}
	return out
}

// exited is the error of a program that ended with another code than 0: it ran, and did what it did until then.
type exited struct{ error }

// ended is nil for a program that ended well.
func (o *execOutput) ended(program string) error {
	if o.status == nil || o.status.Status == metav1.StatusSuccess {
		return nil
	}
	if o.status.Reason == "NonZeroExitCode" && o.status.Details != nil {
		for _, cause := range o.status.Details.Causes {
			if cause.Type == "ExitCode" {
				return exited{problem.Newf(problem.Conflict, "%s ended with exit code %s. What it did until then stays.", program, cause.Message).WithCode("exit_code")}
			}
		}
	}
	return exited{problem.Newf(problem.Invalid, "%s could not be run: %s", program, redactText(o.status.Message))}
}

func (e exited) Unwrap() error { return e.error }
