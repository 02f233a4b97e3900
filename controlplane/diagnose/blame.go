package diagnose

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// explainByChange says of the worst findings which change came just before them, and offers to take it back.
func (s *session) explainByChange(list []*finding) {
	sort.SliceStable(list, func(i, j int) bool { return s.weight(list[i]) > s.weight(list[j]) })
	for _, f := range list[:min(3, len(list))] {
		o, ok := s.looks[f.about]
		if f.Severity == Info || !ok || o.GetKind() != "Deployment" || !byTemplate[f.Reason] {
			continue
		}
		s.blameRevision(o, f)
		s.blameConfig(o, f)
	}
}

// byTemplate are the reasons that a change of the template, or of what it names, may have brought about.
var byTemplate = map[string]bool{
	"CrashLoopBackOff": true, "ErrImagePull": true, "ImagePullBackOff": true, "InvalidImageName": true, "CreateContainerConfigError": true, "CreateContainerError": true, "RunContainerError": true,
	"OOMKilled": true, "Unhealthy": true, "NotReady": true, "Unschedulable": true, "FailedMount": true, "Error": true, "ProgressDeadlineExceeded": true, "FailedCreate": true, "StartError": true,
}

func (s *session) blameRevision(o object, f *finding) {
	last, before, ok := s.newest(o)
	if !ok || !s.madeBy(last, f) {
		return
	}
	at := last.GetCreationTimestamp().Time
	what := differences(before, last)
	if what == "" || what == "a restart" || !f.began.IsZero() && f.began.Before(at.Add(-time.Minute)) {
		return
	}
	f.Cause = strings.TrimSpace(f.Cause + fmt.Sprintf(" It began with revision %s, %s ago: %s.", revisionOf(last), ago(s.at.Sub(at)), what))
	f.Evidence = append(f.Evidence, Evidence{Path: "metadata.annotations[" + revisionAnnotation + "]", Value: revisionOf(last) + ": " + what, Object: last.key().String()})
	if n := revisionOf(before); n != "?" {
		f.Fix = &Fix{
			Label: "Roll back to revision " + n,
			Text:  fmt.Sprintf("roll back deployment %s to revision %s in namespace %s", o.GetName(), n, o.GetNamespace()),
		}
	}
}

// madeBy tells whether the pods with the trouble are the ReplicaSet's; if no pod was made, they are the newest's.
func (s *session) madeBy(rs object, f *finding) bool {
	hash := rs.GetLabels()["pod-template-hash"]
	for _, m := range f.members {
		if p, ok := s.looks[m]; ok && p.GetKind() == "Pod" && p.GetLabels()["pod-template-hash"] != hash {
			return false
		}
	}
	return true
}

// blameConfig looks whether a ConfigMap of the pods was edited in the hour before.
func (s *session) blameConfig(o object, f *finding) {
	if f.began.IsZero() {
		return
	}
	for _, ref := range configOf(podSpec(o)) {
		if ref.kind != "ConfigMap" {
			continue
		}
		cm, err := s.get(configMaps, o.GetNamespace(), ref.name)
		if err != nil {
			continue
		}
		for _, e := range edits(cm) {
			if before := f.began.Sub(e.at); before < -time.Minute || before > time.Hour || e.at.Sub(cm.GetCreationTimestamp().Time) < time.Second {
				continue
			}
			f.Cause = strings.TrimSpace(f.Cause + fmt.Sprintf(" The configmap %s was edited %s before.", ref.name, ago(max(f.began.Sub(e.at), 0))))
			f.Evidence = append(f.Evidence, Evidence{Path: "metadata.managedFields[" + e.by + "].time", Value: e.at.UTC().Format(time.RFC3339), Object: cm.key().String()})
			f.Related = append(f.Related, cm.key().String())
			break
		}
	}
}
