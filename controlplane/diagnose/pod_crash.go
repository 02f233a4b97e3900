package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// exits says what an exit code usually means, and where to look then.
var exits = map[int64]struct{ meaning, next string }{
	0:   {"its program ends without an error, where it should go on", "Check its command: a server must not end."},
	1:   {"the program itself gave up", "Its log says why."},
	2:   {"the program itself gave up, often over its arguments", "Its log says why; check its arguments."},
	126: {"its command can't be executed", "Check the command's permissions in the image."},
	127: {"its command does not exist in the image", "Correct the command, or the image."},
	128: {"its command could not be started", "Correct the command, or the image."},
	134: {"the program aborted", "Its log says why."},
	137: {"it was killed (SIGKILL)", "See whether a liveness probe killed it, or the node ran out of memory."},
	139: {"the program crashed (SIGSEGV, a fault in native code)", "Its log and the program's maintainers can tell more."},
	143: {"it was asked to stop (SIGTERM)", "See whether a liveness probe fails."},
}

// crashTrouble explains a container that keeps ending.
func crashTrouble(s *session, o object, c container) []finding {
	reason, _ := c.waiting()
	if reason != "CrashLoopBackOff" {
		return nil
	}
	f := finding{Finding: Finding{
		Reason: reason, Severity: Critical, Text: fmt.Sprintf("%s keeps crashing (%s).", c.called(), counted(int(c.restarts()), "restart")),
		Evidence: append(c.waitEvidence(), c.cite("restartCount")), Next: "Read the log of its previous run.",
	}}
	s.explainEnd(o, c, "lastState", &f)
	f.Text = strings.TrimSuffix(f.Text, ").") + lastExit(c, "lastState") + ")."
	return []finding{f}
}

func lastExit(c container, where string) string {
	if code, ok := number(c.status, where, "terminated", "exitCode"); ok {
		return fmt.Sprintf(", last with exit code %d", code)
	}
	return ""
}

// endTrouble is for a container that ended in error and is not started again, or not yet.
func endTrouble(s *session, o object, c container) []finding {
	code, ok := number(c.status, "state", "terminated", "exitCode")
	if !ok || code == 0 {
		return nil
	}
	reason := cmp.Or(text(c.status, "state", "terminated", "reason"), "Error")
	f := finding{Finding: Finding{
		Reason: reason, Severity: Critical, Text: fmt.Sprintf("%s ended with exit code %d.", c.called(), code),
		Evidence: []Evidence{c.cite("state", "terminated", "reason")}, Next: "Its log says why.",
	}}
	s.explainEnd(o, c, "state", &f)
	return []finding{f}
}

// explainEnd adds why a container ended: its exit code's meaning, what it said last, and what that points to.
func (s *session) explainEnd(o object, c container, where string, f *finding) {
	message := text(c.status, where, "terminated", "message")
	if code, ok := number(c.status, where, "terminated", "exitCode"); ok {
		f.Evidence = append(f.Evidence, c.cite(where, "terminated", "exitCode"))
		if e, known := exits[code]; known {
			f.Cause, f.Next = capital(e.meaning)+".", e.next
		}
		if reason := text(c.status, where, "terminated", "reason"); reason != "" && reason != f.Reason {
			f.Evidence = append(f.Evidence, c.cite(where, "terminated", "reason"))
		}
		f.when = when(c.status, where, "terminated", "finishedAt")
		f.began = f.when
	}
	if message != "" {
		f.Evidence = append(f.Evidence, c.cite(where, "terminated", "message"))
		f.Cause = strings.TrimSuffix(f.Cause, ".") + ": " + sentence(firstLine(message))
		if f.Cause[0] == ':' {
			f.Cause = "It said: " + sentence(firstLine(message))
		}
	}
	if notExecutable.MatchString(message) && strings.Contains(message, "exec") {
		f.Cause, f.Next = "Its command does not exist in the image, or may not be executed: "+sentence(firstLine(message)), "Correct the command, or the image."
	}
	if message != "" && strings.HasPrefix(f.Next, "Its log says why") {
		f.Next = "Correct what it says. " + wholeLog(o, c, where)
	}
	if e, ok := s.event(o, "Unhealthy"); ok && strings.Contains(e.text("message"), "Liveness") {
		f.Evidence = append(f.Evidence, citeEvent(e))
		f.Cause, f.Next = "Its liveness probe fails, so the kubelet kills it: "+sentence(e.text("message")), "Check what the liveness probe asks"+bracket(probeOf(c.spec, "livenessProbe"))+", and whether it gives enough time."
	}
	lines := s.log(o, c, where == "lastState")
	for _, l := range lines {
		f.Evidence = append(f.Evidence, Evidence{Path: "log " + c.name, Value: l})
	}
	s.pointers(o, strings.Join(lines, "\n")+"\n"+message, f)
}

// wholeLog says how to read on.
func wholeLog(o object, c container, where string) string {
	line := fmt.Sprintf("kubectl logs %s -n %s -c %s", o.GetName(), o.GetNamespace(), c.name)
	if where == "lastState" {
		line += " --previous"
	}
	return "The whole log: " + line
}

func firstLine(s string) string {
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			return l
		}
	}
	return ""
}

// shownLines of the twenty that are read are evidence; the whole log is one question away.
const (
	readLines  = 20
	shownLines = 6
)

// log is the end of a container's log, of its previous run where there was one.
func (s *session) log(o object, c container, previous bool) []string {
	own, ok := o.workload()
	if !ok {
		own = o.key()
	}
	id := own.String() + " " + c.name
	if s.logs[id] || len(s.logs) >= maxLogs {
		return nil // a sibling's tells the same
	}
	s.logs[id] = true
	s.reads++
	out, err := s.r.Logs(s.ctx, o.GetNamespace(), o.GetName(), c.name, previous, readLines)
	if err != nil && previous {
		s.reads++
		out, err = s.r.Logs(s.ctx, o.GetNamespace(), o.GetName(), c.name, false, readLines)
	}
	if err != nil {
		s.noLog(err)
		return nil
	}
	return lastLines(out)
}

// lastLines keeps the end, and before it what looks like the error.
func lastLines(out string) []string {
	var lines []string
	for _, l := range strings.Split(out, "\n") {
		if l = strings.TrimRight(l, " \t\r"); l != "" {
			lines = append(lines, l)
		}
	}
	if len(lines) <= shownLines {
		return lines
	}
	for i, l := range lines[:len(lines)-shownLines] {
		if failure.MatchString(l) {
			return append([]string{lines[i]}, lines[len(lines)-shownLines+1:]...)
		}
	}
	return lines[len(lines)-shownLines:]
}

var failure = regexp.MustCompile(`(?i)\b(panic|fatal|exception|traceback|error)\b`)

// memoryTrouble compares with the limit.
func memoryTrouble(s *session, o object, c container) []finding {
	where := ""
	for _, w := range []string{"state", "lastState"} {
		if text(c.status, w, "terminated", "reason") == "OOMKilled" {
			where = w
			break
		}
	}
	if where == "" {
		return nil
	}
	f := finding{Finding: Finding{
		Reason: "OOMKilled", Severity: Critical, Evidence: []Evidence{c.cite(where, "terminated", "reason"), c.cite("restartCount")},
		Text:  fmt.Sprintf("%s was killed because it used more memory than there is for it (%s).", c.called(), counted(int(c.restarts()), "restart")),
		Cause: "It has no memory limit of its own, so the node or the pod ran out.", Next: "Give it a memory limit that fits, or find what it uses the memory for.",
	}, when: when(c.status, where, "terminated", "finishedAt")}
	f.began = f.when
	if reason, _ := c.waiting(); reason != "" {
		f.Evidence = append(f.Evidence, c.cite("state", "waiting", "reason"))
	}
	if limit := text(c.spec, "resources", "limits", "memory"); limit != "" {
		f.Text = fmt.Sprintf("%s was killed because it used more than its memory limit of %s (%s).", c.called(), limit, counted(int(c.restarts()), "restart"))
		f.Cause, f.Next = "It needs more memory than its limit, or leaks.", "Raise the memory limit above "+limit+", or find what uses the memory."
		f.Evidence = append(f.Evidence, Evidence{Path: fmt.Sprintf("spec.containers[%s].resources.limits.memory", c.name), Value: limit})
		f.Fix = s.raise(o, c, limit)
	}
	if running := at(c.status, "state", "running") != nil; running && c.status["ready"] == true {
		f.Severity = Warning // it runs again
		if old := s.at.Sub(f.when); !f.when.IsZero() && old > 24*time.Hour {
			if s.wide {
				return nil
			}
			f.Severity = Info
		}
	}
	if e, ok := s.event(o, "OOMKilling"); ok {
		f.Evidence = append(f.Evidence, citeEvent(e))
	}
	return []finding{f}
}

// raise offers twice the limit.
func (s *session) raise(o object, c container, limit string) *Fix {
	own, ok := o.workload()
	q, err := resource.ParseQuantity(limit)
	if !ok || err != nil || own.kind == "Job" || c.init {
		return nil
	}
	q.Add(q.DeepCopy())
	return &Fix{
		Label: "Raise the memory limit to " + q.String(),
		Text:  fmt.Sprintf("set memory limit of container %s in %s %s to %s in namespace %s", c.name, strings.ToLower(own.kind), own.name, q.String(), own.namespace),
	}
}

// podRestarts is for a pod that is well at this moment, and was not some moments ago.
func podRestarts(s *session, o object) []finding {
	for _, c := range containersOf(o) {
		code, ok := number(c.status, "lastState", "terminated", "exitCode")
		ended := when(c.status, "lastState", "terminated", "finishedAt")
		if !ok || c.restarts() < 3 || ended.IsZero() || s.at.Sub(ended) > time.Hour {
			continue
		}
		f := finding{Finding: Finding{
			Reason: "Restarting", Severity: Warning,
			Text:     fmt.Sprintf("%s restarted %d times, last %s ago with exit code %d.", c.called(), c.restarts(), ago(s.at.Sub(ended)), code),
			Evidence: []Evidence{c.cite("restartCount")}, Next: "Read the log of its previous run.",
		}}
		s.explainEnd(o, c, "lastState", &f)
		return []finding{f}
	}
	return nil
}
