package nlp

import (
	"regexp"
	"slices"
	"strings"
)

const atOnce = `(?: (?:right now|right away|now|immediately|at once|once|please|pls|today|manually|by hand|already|extra|one time|an extra time|again|for me|instantly|straight away))*\W*$`

// runsNow are ways of asking that a cron job runs now.
var runsNow = []*regexp.Regexp{
	regexp.MustCompile(`(?i)` + politeLead + `(?:execute|start|launch|fire|fire off|run|do|kick off|invoke|trigger) (?:a |an |one )?(?:manual |extra |single )?(?:run of |execution of )?(?:the |our |my )?(?:cron ?job |job )?([a-z0-9][a-z0-9.-]*)(?: cron ?job| job| cron)?( in (?:the )?(?:namespace )?[a-z0-9-]+)?` + atOnce),
	regexp.MustCompile(`(?i)^\W*(?:the |our |my )?(?:cron ?job |job )?([a-z0-9][a-z0-9.-]*)(?: cron ?job| job| cron)?( in (?:the )?(?:namespace )?[a-z0-9-]+)? (?:should|must|shall|has to|needs to|ought to) (?:run|start|fire|go|be (?:run|started|executed|triggered)) (?:right now|right away|now|immediately|at once|once)` + atOnce),
	regexp.MustCompile(`(?i)^\W*(?:we |i )(?:need|want|would like) (?:a|an|one) (?:\w+ )?(?:run|execution) of (?:the |our |my )?(?:cron ?job |job )?([a-z0-9][a-z0-9.-]*)(?: cron ?job| job| cron)?( in (?:the )?(?:namespace )?[a-z0-9-]+)?` + atOnce),
}

// ranNow asks plainly for a run of the cron job that is named: no workload is called the same.
func ranNow(v *Vocabulary, said string) string {
	for _, p := range runsNow {
		m := p.FindStringSubmatch(said)
		if m == nil {
			continue
		}
		refs := v.objects.named(strings.ToLower(m[1]))
		cron := slices.ContainsFunc(refs, func(o *Object) bool { return o.Kind == "cronjobs.batch" })
		if cron && !slices.ContainsFunc(refs, func(o *Object) bool { return isWorkload(o.Kind) || o.Kind == "pods" || o.Kind == "jobs.batch" }) {
			return "trigger cronjob " + m[1] + m[2]
		}
	}
	return said
}
