package diagnose

import (
	"cmp"
	"fmt"
	"sort"
	"strings"
	"time"
)

var jobRules = []rule{
	{"what its pods say", jobPods},
	{"it failed", jobFailed},
	{"it is suspended", suspended},
	{"its pods can't be made", jobNotMade},
}

func complete(o object) bool {
	return o.condition("Complete").is("True") || o.condition("SuccessCriteriaMet").is("True") || o.text("status", "completionTime") != ""
}

// jobPods leads to the newest failed pod: each try fails alike. A job that is complete has no trouble, however it got there.
func jobPods(s *session, o object) []finding {
	if complete(o) {
		return nil
	}
	list := s.podsOf(o)
	if !o.condition("Failed").is("True") {
		for _, p := range list {
			if p.text("status", "phase") != "Failed" {
				s.look(p, o.key())
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].GetCreationTimestamp().After(list[j].GetCreationTimestamp().Time) })
	for _, p := range list {
		if p.text("status", "phase") == "Failed" {
			s.look(p, o.key())
			break
		}
	}
	return nil
}

func jobFailed(s *session, o object) []finding {
	c := o.condition("Failed")
	if c.status == "" {
		c = o.condition("FailureTarget")
	}
	if !c.is("True") || complete(o) {
		return nil
	}
	f := finding{Finding: Finding{
		Reason: cmp.Or(c.reason, "JobFailed"), Severity: Critical, Text: "It failed: " + sentence(cmp.Or(c.message, c.reason)),
		Evidence: []Evidence{c.evidence(), o.cite("status", "failed")}, Next: "Read the log of its last pod; then delete the job and run it again.",
	}, when: o.since("Failed"), began: o.since("Failed")}
	if c.reason == "DeadlineExceeded" {
		f.Cause = fmt.Sprintf("It did not end within its deadline of %d s.", o.count("spec", "activeDeadlineSeconds"))
		f.Evidence, f.Next = append(f.Evidence, o.cite("spec", "activeDeadlineSeconds")), "See what takes so long, or raise activeDeadlineSeconds."
	}
	s.endOfJob(o, &f)
	return []finding{f}
}

// endOfJob takes the cause from how the job's last pod ended.
func (s *session) endOfJob(o object, f *finding) {
	for _, g := range s.found {
		for _, m := range g.members {
			if m.kind != "Pod" || f.Cause != "" || !s.leads(o.key(), m) {
				continue
			}
			g.echo = true // the job's own finding tells of it
			f.Cause = strings.TrimSpace(g.Text + " " + g.Cause)
			for i := range g.Evidence[:min(3, len(g.Evidence))] {
				f.Evidence = append(f.Evidence, g.Evidence[i])
			}
			f.Related = append(f.Related, m.String())
		}
	}
}

func (s *session) leads(from, to key) bool {
	for _, k := range s.below[from] {
		if k == to {
			return true
		}
	}
	return false
}

func suspended(s *session, o object) []finding {
	if !o.flag("spec", "suspend") || !s.named(o) || complete(o) {
		return nil
	}
	text := "It is suspended, so it runs nothing."
	if last := when(o.Object, "status", "lastScheduleTime"); !last.IsZero() {
		text = fmt.Sprintf("It is suspended, so it runs no jobs; the last one was %s ago.", ago(s.at.Sub(last)))
	}
	f := Finding{Reason: "Suspended", Severity: Info, Text: text, Evidence: []Evidence{o.cite("spec", "suspend")}, Next: "Resume it when that is wanted."}
	if o.GetKind() == "CronJob" {
		f.Fix = &Fix{Label: "Resume it", Text: fmt.Sprintf("resume cronjob %s in namespace %s", o.GetName(), o.GetNamespace())}
	}
	return one(f)
}

func jobNotMade(s *session, o object) []finding {
	if complete(o) || o.condition("Failed").is("True") || o.flag("spec", "suspend") || o.count("status", "active") > 0 {
		return nil
	}
	e, ok := s.event(o, "FailedCreate")
	if !ok {
		return nil
	}
	out := s.notMade(o, "FailedCreate", e.text("message"), citeEvent(e))
	out[0].when, out[0].began = lastSeen(e), firstSeen(e)
	return out
}

var cronJobRules = []rule{
	{"its schedule can't be read", badSchedule},
	{"its last run", lastRun},
	{"it is suspended", suspended},
	{"runs were missed", missedRuns},
}

func badSchedule(s *session, o object) []finding {
	text := o.text("spec", "schedule")
	_, err := parseSchedule(text)
	e, told := s.event(o, "UnparseableSchedule", "InvalidSchedule", "UnknownTimeZone")
	if err == nil && !told {
		return nil
	}
	f := Finding{
		Reason: "InvalidSchedule", Severity: Critical, Text: fmt.Sprintf("Its schedule %q can't be read, so it runs no jobs.", text),
		Evidence: []Evidence{o.cite("spec", "schedule")}, Next: "Correct the schedule: minute, hour, day of the month, month, day of the week.",
	}
	if told {
		f.Reason = e.text("reason")
		f.Evidence = append(f.Evidence, citeEvent(e))
	}
	if err != nil {
		f.Cause = capital(err.Error()) + "."
	}
	return one(f)
}

// lastRun leads to the newest job.
func lastRun(s *session, o object) []finding {
	var newest object
	for _, j := range s.list(jobs, o.GetNamespace(), nil) {
		ref, ok := j.owner()
		if !ok || ref.Kind != "CronJob" || ref.Name != o.GetName() {
			continue
		}
		if newest.Unstructured == nil || j.GetCreationTimestamp().After(newest.GetCreationTimestamp().Time) {
			newest = j
		}
	}
	if newest.Unstructured != nil {
		s.look(newest, o.key())
	}
	return nil
}

// missedRuns compares the schedule with when it ran last. A run that the last one still keeps from starting is meant, if
// runs may not overlap.
func missedRuns(s *session, o object) []finding {
	if o.flag("spec", "suspend") {
		return nil
	}
	if e, ok := s.event(o, "TooManyMissedTimes", "FailedNeedsStart", "MissSchedule"); ok && s.at.Sub(lastSeen(e)) < 24*time.Hour {
		return []finding{{Finding: Finding{
			Reason: e.text("reason"), Severity: Warning, Text: "A run was missed: " + sentence(e.text("message")),
			Evidence: []Evidence{citeEvent(e), o.cite("spec", "schedule")}, Next: "See whether the controller was away, and whether startingDeadlineSeconds is long enough.",
		}, when: lastSeen(e)}}
	}
	plan, err := parseSchedule(o.text("spec", "schedule"))
	from := when(o.Object, "status", "lastScheduleTime")
	if from.IsZero() {
		from = o.GetCreationTimestamp().Time
	}
	if err != nil || from.IsZero() || len(o.maps("status", "active")) > 0 {
		return nil
	}
	zone, err := time.LoadLocation(cmp.Or(o.text("spec", "timeZone"), "UTC"))
	if err != nil {
		return nil
	}
	due := plan.next(from.In(zone))
	if due.IsZero() || s.at.Sub(due) < 10*time.Minute {
		return nil
	}
	return one(Finding{
		Reason: "MissSchedule", Severity: Warning, Text: fmt.Sprintf("It should have run %s ago and has not; its last run was %s ago.", ago(s.at.Sub(due)), ago(s.at.Sub(from))),
		Evidence: []Evidence{o.cite("spec", "schedule"), o.cite("status", "lastScheduleTime")}, Next: "See whether the controller manager runs, and the cron job's events.",
	})
}
