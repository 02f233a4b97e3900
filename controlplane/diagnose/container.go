package diagnose

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// container is the status of one container, with where it was read.
type container struct {
	status map[string]any
	path   string
	name   string
	init   bool
}

func containers(o *unstructured.Unstructured) []container {
	var out []container
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _, _ := unstructured.NestedSlice(o.Object, "status", field)
		for _, x := range list {
			if m, ok := x.(map[string]any); ok {
				name := textOf(m, "name")
				out = append(out, container{m, fmt.Sprintf("status.%s[%s]", field, name), name, field == "initContainerStatuses"})
			}
		}
	}
	return out
}

func (c container) state(path ...string) string {
	v, _, _ := unstructured.NestedString(c.status, path...)
	return v
}

func (c container) called() string {
	if c.init {
		return "init container " + c.name
	}
	return "container " + c.name
}

// container looks at one container: what it waits for, how it ended.
func (s *session) container(o *unstructured.Unstructured, c container, depth int) {
	reason, message := c.state("state", "waiting", "reason"), c.state("state", "waiting", "message")
	evidence := []string{c.path + ".state.waiting.reason = " + reason}
	if message != "" {
		evidence = append(evidence, c.path+".state.waiting.message = "+message)
	}
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "ErrImageNeverPull":
		s.image(o, c, reason, message, evidence, depth)
		return
	case "CreateContainerConfigError", "CreateContainerError":
		s.config(o, c, reason, message, evidence, depth)
		return
	case "CrashLoopBackOff":
		s.crash(o, c, evidence, depth)
		return
	case "RunContainerError":
		s.foundInPod(o, depth, c.name, Finding{
			Reason: reason, Severity: Critical, Text: fmt.Sprintf("The %s can't be started: %s", c.called(), sentence(message)), Evidence: evidence,
			Next: "Check its command and its mounts.",
		})
		return
	}
	if code, ok := num(c.status, "state", "terminated", "exitCode"); ok && code != 0 {
		s.ended(o, c, "state", code, depth)
		return
	}
	if c.state("lastState", "terminated", "reason") == "OOMKilled" {
		s.oom(o, c, "lastState", depth)
		return
	}
	if n, _ := num(c.status, "restartCount"); n >= 5 && c.status["ready"] != true {
		if code, ok := num(c.status, "lastState", "terminated", "exitCode"); ok {
			s.ended(o, c, "lastState", code, depth)
		}
	}
}

// image says why an image can't be pulled.
func (s *session) image(o *unstructured.Unstructured, c container, reason, message string, evidence []string, depth int) {
	img := c.state("image")
	if spec := specImage(o, c.name); spec != "" {
		img = spec
	}
	for _, e := range s.eventsOf(o) {
		if text := str(&e, "message"); str(&e, "reason") == "Failed" && strings.Contains(text, "pull") {
			evidence = append(evidence, "event Failed: "+text)
			message += " " + text
			break
		}
	}
	low := strings.ToLower(message)
	text, next := fmt.Sprintf("The image %s of %s can't be pulled.", img, c.called()), "Check the image's name and tag, and whether the node may pull it."
	switch {
	case reason == "InvalidImageName":
		text, next = fmt.Sprintf("%q is not a valid image name.", img), "Correct the image."
	case strings.Contains(low, "no such host") || strings.Contains(low, "timeout") || strings.Contains(low, "connection refused") || strings.Contains(low, "dial tcp"):
		text, next = fmt.Sprintf("The registry of %s can't be reached from the node.", img), "Check the registry's name and the node's network."
	case strings.Contains(low, "unauthorized") || strings.Contains(low, "denied") || strings.Contains(low, "authentication"):
		text, next = fmt.Sprintf("The registry does not let the node pull %s.", img), "Give the pod or its service account an imagePullSecret that may read it."
	case strings.Contains(low, "not found") || strings.Contains(low, "manifest unknown"):
		text, next = fmt.Sprintf("The image %s of %s does not exist in its registry.", img, c.called()), "Set an image whose tag exists, or roll back to the one before."
	}
	s.foundInPod(o, depth, c.name, Finding{Reason: reason, Severity: Critical, Text: text, Evidence: evidence, Next: next})
}

func specImage(o *unstructured.Unstructured, name string) string {
	for _, field := range []string{"containers", "initContainers"} {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", field)
		for _, x := range list {
			if m, ok := x.(map[string]any); ok && m["name"] == name {
				return textOf(m, "image")
			}
		}
	}
	return ""
}

var (
	missingConfig = regexp.MustCompile(`(configmap|secret) "([^"]+)" not found`)
	missingKey    = regexp.MustCompile(`couldn't find key (\S+) in (ConfigMap|Secret) (\S+)`)
)

// config says which ConfigMap, Secret or key is missing.
func (s *session) config(o *unstructured.Unstructured, c container, reason, message string, evidence []string, depth int) {
	text, next := fmt.Sprintf("The %s can't be made: %s", c.called(), sentence(message)), "Check what its environment and volumes refer to."
	if m := missingConfig.FindStringSubmatch(message); m != nil {
		text, next = fmt.Sprintf("The %s needs the %s %s, which does not exist.", c.called(), m[1], m[2]), fmt.Sprintf("Create the %s %s, or correct the reference.", m[1], m[2])
		if m[1] == "configmap" && s.missing(configMaps, o.GetNamespace(), m[2]) {
			evidence = append(evidence, fmt.Sprintf("configmaps/%s: not found in %s", m[2], o.GetNamespace()))
		}
	} else if m := missingKey.FindStringSubmatch(message); m != nil {
		text, next = fmt.Sprintf("The %s needs the key %s of the %s %s, which has no such key.", c.called(), m[1], strings.ToLower(m[2]), m[3]), "Add the key, or correct the reference."
	}
	s.foundInPod(o, depth, c.name, Finding{Reason: reason, Severity: Critical, Text: text, Evidence: evidence, Next: next})
}

// crash explains a container that keeps ending.
func (s *session) crash(o *unstructured.Unstructured, c container, evidence []string, depth int) {
	if c.state("lastState", "terminated", "reason") == "OOMKilled" {
		s.oom(o, c, "lastState", depth)
		return
	}
	n, _ := num(c.status, "restartCount")
	evidence = append(evidence, fmt.Sprintf("%s.restartCount = %d", c.path, n))
	text, next := fmt.Sprintf("The %s keeps crashing (%d %s).", c.called(), n, plural("restart", int(n))), "Read the log of its previous run."
	if code, ok := num(c.status, "lastState", "terminated", "exitCode"); ok {
		why, step := exitCode(code)
		text = fmt.Sprintf("The %s keeps crashing (%d %s), last with exit code %d%s.", c.called(), n, plural("restart", int(n)), code, why)
		evidence = append(evidence, fmt.Sprintf("%s.lastState.terminated.exitCode = %d", c.path, code))
		next = step
	}
	if msg := c.state("lastState", "terminated", "message"); msg != "" {
		evidence = append(evidence, c.path+".lastState.terminated.message = "+msg)
	}
	evidence = append(evidence, s.log(o, c.name, true)...)
	s.foundInPod(o, depth, c.name, Finding{Reason: "CrashLoopBackOff", Severity: Critical, Text: text, Evidence: evidence, Next: next})
}

// exitCode says what an exit code usually means, and where to look then.
func exitCode(code int64) (meaning, next string) {
	switch code {
	case 0:
		return ": it ends without an error, where a server should go on", "Check its command: it must not end."
	case 1, 2:
		return ": the program itself gave up", "Its log says why."
	case 126:
		return ": its command can't be executed", "Check the command's permissions in the image."
	case 127:
		return ": its command does not exist in the image", "Correct the command, or the image."
	case 128:
		return ": its command is not valid", "Correct the command."
	case 134, 139:
		return ": the program crashed (a fault in native code)", "Its log and the program's maintainers can tell more."
	case 137:
		return ": it was killed", "See whether a liveness probe killed it, or memory ran out."
	case 143:
		return ": it was asked to stop", "See whether a liveness probe fails."
	}
	return "", "Its log says why."
}

func (s *session) ended(o *unstructured.Unstructured, c container, where string, code int64, depth int) {
	if c.state(where, "terminated", "reason") == "OOMKilled" {
		s.oom(o, c, where, depth)
		return
	}
	why, next := exitCode(code)
	evidence := []string{fmt.Sprintf("%s.%s.terminated.exitCode = %d", c.path, where, code)}
	evidence = append(evidence, s.log(o, c.name, where == "lastState")...)
	s.foundInPod(o, depth, c.name, Finding{
		Reason: "ContainerFailed", Severity: Critical, Text: fmt.Sprintf("The %s ended with exit code %d%s.", c.called(), code, why), Evidence: evidence, Next: next,
	})
}

// oom compares with the limit.
func (s *session) oom(o *unstructured.Unstructured, c container, where string, depth int) {
	evidence := []string{c.path + "." + where + ".terminated.reason = OOMKilled"}
	limit := ""
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
	for _, x := range list {
		if m, ok := x.(map[string]any); ok && m["name"] == c.name {
			limit, _, _ = unstructured.NestedString(m, "resources", "limits", "memory")
		}
	}
	text, next := fmt.Sprintf("The %s was killed because it used more memory than there is for it.", c.called()), "Give it a memory limit that fits, or find what it uses it for."
	if limit != "" {
		text = fmt.Sprintf("The %s was killed because it used more than its memory limit of %s.", c.called(), limit)
		next = "Raise the memory limit above " + limit + ", or find what uses the memory."
		evidence = append(evidence, fmt.Sprintf("spec.containers[%s].resources.limits.memory = %s", c.name, limit))
	}
	severity := Critical
	if c.status["ready"] == true {
		severity = Warning // it runs again
	}
	s.foundInPod(o, depth, c.name, Finding{Reason: "OOMKilled", Severity: severity, Text: text, Evidence: evidence, Next: next})
}

// log is the end of a container's log as evidence. A log that can't be read is no evidence and no error.
func (s *session) log(o *unstructured.Unstructured, name string, previous bool) []string {
	if s.logs >= maxLogs {
		return nil
	}
	s.logs++
	text, err := s.r.Logs(s.ctx, o.GetNamespace(), o.GetName(), name, previous, 20)
	if err != nil && previous {
		text, err = s.r.Logs(s.ctx, o.GetNamespace(), o.GetName(), name, false, 20)
	}
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var out []string
	for _, l := range lines[max(0, len(lines)-5):] {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, "log: "+l)
		}
	}
	return out
}

func sortStrings(s []string) { sort.Strings(s) }
