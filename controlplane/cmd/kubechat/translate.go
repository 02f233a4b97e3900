package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/kube"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// maxLine is the longest line of input that is read.
const maxLine = 1 << 20

// answerTimeout bounds the reads of one line with --answer.
const answerTimeout = 30 * time.Second

func runTranslate(ctx context.Context, e *env, args []string) error {
	return translate(ctx, args, e.in, e.out, e.err)
}

// sentenceIn is one line of input.
type sentenceIn struct {
	ID        json.RawMessage   `json:"id"`
	Utterance *string           `json:"utterance"`
	Context   []json.RawMessage `json:"context"`
}

// sentenceOut is one line of output. Plan holds each step as a kubectl line, Steps the same as data.
type sentenceOut struct {
	ID       json.RawMessage  `json:"id"`
	Class    nlp.Class        `json:"class"`
	Kubectl  *string          `json:"kubectl"`
	Plan     []string         `json:"plan,omitempty"`
	Steps    []nlp.Step       `json:"steps,omitempty"`
	Message  string           `json:"message"`
	Choices  []nlp.Choice     `json:"choices,omitempty"`
	Trace    []nlp.TraceEntry `json:"trace,omitempty"`
	Answer   []part           `json:"answer,omitempty"`
	Findings []any            `json:"findings,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// part is one piece of an answer, with what it is.
type part struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// interpreter is what translate keeps between lines.
type interpreter struct {
	words   *nlp.Vocabulary
	cluster *kube.Cluster // nil without --answer
	explain bool
}

// translate turns lines of JSON on stdin into lines of JSON on stdout: what each utterance would do in the cluster. It
// changes nothing, whatever is asked; --answer runs the reads. A line that can't be read gives a line that says so.
func translate(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("kubechat translate", flag.ContinueOnError)
	f.SetOutput(stderr)
	kubeconfig := f.String("kubeconfig", "", "the cluster whose words to use (default: as kubectl)")
	manifests := f.String("manifests", "", "take the words from this file of YAML objects instead of a cluster")
	namespace := f.String("namespace", "", "the session's namespace (default: the kubeconfig's)")
	answer := f.Bool("answer", false, "run what only reads, and add what it gave")
	explain := f.Bool("explain", false, "add which words became which part of the plan")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return errors.New("translate takes no arguments: it reads lines of JSON")
	}
	in, err := newInterpreter(ctx, *kubeconfig, *manifests, *namespace, *answer)
	if err != nil {
		return err
	}
	in.explain = *explain
	return in.lines(ctx, stdin, stdout)
}

func newInterpreter(ctx context.Context, kubeconfig, manifests, namespace string, answer bool) (*interpreter, error) {
	if manifests != "" {
		if answer {
			return nil, errors.New("--answer needs a cluster, not --manifests")
		}
		file, err := os.Open(manifests)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read
		words, err := nlp.FromManifests(file, "", namespace)
		return &interpreter{words: words}, err
	}
	cfg, ns, err := restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	if namespace == "" {
		namespace = ns
	}
	words, err := kube.LoadVocabulary(ctx, cfg, kube.VocabularyOptions{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("learn the cluster's words: %w", err)
	}
	in := &interpreter{words: words}
	if answer {
		if in.cluster, err = kube.FromRESTConfig(cfg); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// restConfig finds the cluster as kubectl does: the flag, KUBECONFIG, ~/.kube/config, or the pod this runs in.
func restConfig(path string) (*rest.Config, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	c := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{})
	cfg, err := c.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	ns, _, err := c.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return cfg, ns, nil
}

func (in *interpreter) lines(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	out := bufio.NewWriter(stdout)
	r := bufio.NewReaderSize(stdin, 64<<10)
	for n := 1; ; n++ {
		line, tooLong, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read line %d: %w", n, err)
		}
		if len(bytes.TrimSpace(line)) > 0 || tooLong {
			reply := in.line(ctx, n, line, tooLong)
			if err := json.NewEncoder(out).Encode(reply); err != nil {
				return fmt.Errorf("write line %d: %w", n, err)
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write line %d: %w", n, err)
			}
		}
		if err != nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// readLine reads one line; of one that is too long it keeps nothing, but reads to its end.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		chunk, err := r.ReadSlice('\n')
		if len(line)+len(chunk) > maxLine {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, chunk...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return line, tooLong, err
	}
}

func (in *interpreter) line(ctx context.Context, n int, line []byte, tooLong bool) sentenceOut {
	var q sentenceIn
	bad := func(text string) sentenceOut {
		if len(q.ID) == 0 {
			q.ID = json.RawMessage("null")
		}
		text = fmt.Sprintf("line %d: %s", n, text)
		return sentenceOut{ID: q.ID, Class: nlp.Refuse, Message: text, Error: text}
	}
	if tooLong {
		return bad("longer than 1 MiB")
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return bad("not a JSON object: " + err.Error())
	}
	if q.Utterance == nil {
		return bad("it has no utterance")
	}
	req := nlp.Request{ID: string(q.ID), Utterance: *q.Utterance, Vocabulary: in.words}
	for _, raw := range q.Context {
		turn, err := earlier(raw)
		if err != nil {
			return bad("its context is not a list of texts")
		}
		req.Context = append(req.Context, turn)
	}
	t := nlp.Translator{}.Translate(ctx, req)
	if len(q.ID) == 0 {
		q.ID = json.RawMessage("null")
	}
	reply := sentenceOut{ID: q.ID, Class: t.Class, Message: t.Message, Choices: t.Choices}
	if in.explain {
		reply.Trace = t.Trace
	}
	if t.Plan != nil {
		reply.Kubectl, reply.Steps = &t.Kubectl, t.Plan.Steps
		for _, s := range t.Plan.Steps {
			reply.Plan = append(reply.Plan, nlp.KubectlStep(s))
		}
		if in.cluster != nil && t.Class == nlp.Read {
			in.run(ctx, &reply)
		}
	} else if in.cluster != nil && t.Class == nlp.Clarify {
		in.lookAtChoices(ctx, t, &reply)
	}
	return reply
}

// maxChoices is how many of the choices of a question are looked at.
const maxChoices = 5

// lookAtChoices adds what is wrong with those that a question offers to look into: "which payments?" is half answered by
// saying which of them is broken.
func (in *interpreter) lookAtChoices(ctx context.Context, t nlp.Translation, reply *sentenceOut) {
	for _, c := range t.Choices[:min(len(t.Choices), maxChoices)] {
		one := nlp.Translator{}.Translate(ctx, nlp.Request{Utterance: c.Text, Vocabulary: in.words, Focus: t.Focus})
		if one.Plan == nil || one.Class != nlp.Read || len(one.Plan.Steps) != 1 || !chat.LooksInto(one.Plan.Steps[0]) {
			continue
		}
		s := one.Plan.Steps[0]
		s.Op, s.Args = nlp.OpDiagnose, nlp.Args{}
		found := sentenceOut{Steps: []nlp.Step{s}}
		in.run(ctx, &found)
		reply.Findings = append(reply.Findings, found.Findings...)
		if len(found.Findings) > 0 {
			reply.Message += " " + found.Message
		}
		for _, p := range found.Answer {
			if p.Type == "finding" {
				reply.Answer = append(reply.Answer, p)
			}
		}
	}
}

// earlier reads one earlier turn: a text, or an object with one.
func earlier(raw json.RawMessage) (nlp.Turn, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		return nlp.Turn{Utterance: text}, nil
	}
	var turn nlp.Turn
	err := json.Unmarshal(raw, &turn)
	return turn, err
}

// run executes the steps of a read, and adds what they gave.
func (in *interpreter) run(ctx context.Context, reply *sentenceOut) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for _, s := range reply.Steps {
		s.Args.Follow = false // one answer per line: nothing is watched
		a, err := in.cluster.Execute(ctx, s)
		if err != nil {
			reply.Error = err.Error()
			return
		}
		if a.Beside != nil {
			a.Parts = append(a.Parts, a.Beside(ctx)...)
		}
		for _, p := range a.Parts {
			kind := strings.ToLower(reflect.TypeOf(p).Name())
			if kind == "finding" {
				reply.Findings = append(reply.Findings, p)
			}
			reply.Answer = append(reply.Answer, part{Type: kind, Data: p})
		}
	}
	if said := summary(*reply); said != "" {
		reply.Message = strings.TrimSpace(reply.Message + " " + said)
	}
}

// maxSummed is how many findings a message names.
const maxSummed = 3

// summary is what a diagnosis comes to, for those who read only the message.
func summary(reply sentenceOut) string {
	var found []string
	next := ""
	for _, p := range reply.Findings {
		if f, ok := p.(chat.Finding); ok {
			found = append(found, fmt.Sprintf("%s: %s. %s", f.Object, f.Reason, strings.TrimSpace(f.Text+" "+f.Cause)))
			next = cmp.Or(next, f.Next)
		}
	}
	if n := len(found) - maxSummed; n > 0 {
		found = append(found[:maxSummed], fmt.Sprintf("%d more.", n))
	}
	if len(found) > 0 {
		return "Found: " + strings.Join(found, " ") + " Next: " + next
	}
	if len(reply.Steps) == 1 && reply.Steps[0].Op == nlp.OpDiagnose && len(reply.Answer) > 0 {
		if text, ok := reply.Answer[0].Data.(chat.Text); ok {
			return text.Text
		}
	}
	return ""
}
