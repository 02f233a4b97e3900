package kube

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	defaultTail = 100
	maxTail     = 2000
	maxLogBytes = 256 << 10 // of one container
	maxLogs     = 10        // containers in one answer
)

// logSource is a container whose log is read.
type logSource struct {
	namespace, pod, container string
	chosen                    []string // the pod's containers, where one of several was chosen for the person
}

// logSources are the containers that a step is about; left counts those that are too many.
func (c *Cluster) logSources(ctx context.Context, step nlp.Step) (sources []logSource, left int, err error) {
	found, err := c.logPods(ctx, step)
	if err != nil {
		return nil, 0, err
	}
	if len(found) == 0 {
		return nil, 0, problem.New(problem.NotFound, "There are no pods whose logs could be read.")
	}
	for i := range found {
		names, of, err := logContainers(&found[i], step)
		if err != nil {
			return nil, 0, err
		}
		for _, name := range names {
			if len(sources) == maxLogs {
				left++
				continue
			}
			sources = append(sources, logSource{namespace: found[i].GetNamespace(), pod: found[i].GetName(), container: name, chosen: of})
		}
	}
	return sources, left, nil
}

// saidOf is what has to be said about the choice of logs: which container was taken, and what is left out.
func saidOf(sources []logSource, left int, step nlp.Step) []string {
	var said []string
	if len(sources) > 0 && len(sources[0].chosen) > 1 {
		s := sources[0]
		said = append(said, fmt.Sprintf("This is container %s, of %s. Name another one, or say all containers.", s.container, strings.Join(s.chosen, ", ")))
	}
	if left > 0 {
		said = append(said, fmt.Sprintf("%d more containers are not shown. Name a pod to see its log.", left))
	}
	return said
}

// logs shows the end of the logs of a pod, or of the pods of a workload.
func (c *Cluster) logs(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	sources, left, err := c.logSources(ctx, step)
	if err != nil {
		return nil, err
	}
	var parts []chat.Part
	var failed error
	for _, src := range sources {
		log, err := c.podLog(ctx, src.namespace, src.pod, src.container, step.Args)
		switch {
		case err != nil && len(sources) == 1:
			return nil, err
		case err != nil:
			failed = err
			parts = append(parts, chat.Text{Text: src.pod + " (" + src.container + "): " + detail(err)})
		default:
			parts = append(parts, log)
		}
	}
	if failed != nil && !slices.ContainsFunc(parts, func(p chat.Part) bool { _, ok := p.(chat.Log); return ok }) {
		return nil, failed
	}
	if quiet(parts) {
		parts = append(parts, chat.Text{Text: "There are no lines in that time."})
	}
	for _, text := range saidOf(sources, left, step) {
		parts = append(parts, chat.Text{Text: text})
	}
	return parts, nil
}

func quiet(parts []chat.Part) bool {
	return !slices.ContainsFunc(parts, func(p chat.Part) bool {
		log, ok := p.(chat.Log)
		return !ok || len(log.Lines) > 0
	})
}

func (c *Cluster) logPods(ctx context.Context, step nlp.Step) ([]unstructured.Unstructured, error) {
	if len(step.Names) == 0 {
		items, _, err := c.list(ctx, pods, step.Namespace, step.LabelSelector, step.FieldSelector)
		return newest(items), err
	}
	var out []unstructured.Unstructured
	for _, name := range step.Names {
		r := step.Resource
		if r.Plural == "" {
			r = pods
		}
		o, err := c.get(ctx, r, step.Namespace, name, "")
		if err != nil {
			return nil, err
		}
		of, err := c.podsOf(ctx, o)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	return out, nil
}

// podsOf are an object's own pods, the newest first.
func (c *Cluster) podsOf(ctx context.Context, o *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	if o.GetKind() == "Pod" {
		return []unstructured.Unstructured{*o}, nil
	}
	if o.GetKind() == "CronJob" {
		return c.podsOfCron(ctx, o)
	}
	selector := selectorOf(o)
	if len(selector) == 0 {
		return nil, problem.Newf(problem.Invalid, "A %s has no pods.", o.GetKind())
	}
	items, _, err := c.list(ctx, pods, o.GetNamespace(), labels.SelectorFromSet(selector).String(), "")
	return newest(items), err
}

func (c *Cluster) podsOfCron(ctx context.Context, cron *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	items, _, err := c.list(ctx, jobs, cron.GetNamespace(), "", "")
	if err != nil {
		return nil, err
	}
	for _, job := range newest(items) {
		if controllerOf(&job)["uid"] == string(cron.GetUID()) {
			return c.podsOf(ctx, &job)
		}
	}
	return nil, nil
}

func newest(items []unstructured.Unstructured) []unstructured.Unstructured {
	slices.SortStableFunc(items, func(a, b unstructured.Unstructured) int {
		return b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time)
	})
	return items
}

// logContainers says whose log: the named one, all, the pod's default, or its first. Where it was a choice for the
// person, of are those that it was chosen from.
func logContainers(pod *unstructured.Unstructured, step nlp.Step) (names, of []string, err error) {
	var all []string
	for _, c := range containersOf(pod, "containers") {
		all = append(all, str(c, "name"))
	}
	switch preferred := pod.GetAnnotations()["kubectl.kubernetes.io/default-container"]; {
	case step.Container != "":
		for _, c := range containersOf(pod, "initContainers") {
			all = append(all, str(c, "name"))
		}
		if !slices.Contains(all, step.Container) {
			return nil, nil, problem.Newf(problem.Invalid, "%s has no container %q: it has %s.", pod.GetName(), step.Container, strings.Join(all, ", "))
		}
		return []string{step.Container}, nil, nil
	case step.Args.AllContainers || len(all) == 0:
		return all, nil, nil
	case slices.Contains(all, preferred):
		return []string{preferred}, all, nil
	}
	return all[:1], all, nil
}

// logQuery says which lines of which container.
func logQuery(container string, args nlp.Args) url.Values {
	tail := int64(defaultTail)
	if args.Tail != nil {
		tail = min(*args.Tail, maxTail)
	} else if args.Since > 0 {
		tail = maxTail
	}
	q := url.Values{"container": {container}, "tailLines": {fmt.Sprint(tail)}}
	if args.Since > 0 {
		q.Set("sinceSeconds", fmt.Sprint(int64(math.Ceil(args.Since.Seconds()))))
	}
	if args.Previous {
		q.Set("previous", "true")
	}
	if args.Timestamps {
		q.Set("timestamps", "true")
	}
	return q
}

func (c *Cluster) podLog(ctx context.Context, namespace, pod, container string, args nlp.Args) (chat.Log, error) {
	text, err := c.logText(ctx, namespace, pod, logQuery(container, args))
	if err != nil {
		return chat.Log{}, err
	}
	log := chat.Log{Lines: []string{}, Container: container, Pod: pod}
	for _, line := range lines(redactText(text)) {
		log.Lines = append(log.Lines, strings.TrimRight(line, "\r"))
	}
	return log, nil
}

// logText reads the end of a log: of one that is too long, its last bytes.
func (c *Cluster) logText(ctx context.Context, namespace, pod string, q url.Values) (string, error) {
	res, err := c.do(ctx, request{
		method: http.MethodGet, path: objectPath(pods, namespace, pod, "log"), query: q, accept: "*/*", maxBytes: maxBody,
	})
	if err != nil {
		return "", err
	}
	body := res.body
	if len(body) > maxLogBytes {
		body = body[len(body)-maxLogBytes:]
		if i := slices.Index(body, '\n'); i >= 0 {
			body = body[i+1:]
		}
	}
	return strings.ToValidUTF8(string(body), "\uFFFD"), nil
}
