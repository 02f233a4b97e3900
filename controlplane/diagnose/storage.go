package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

var claimRules = []rule{
	{"its volume is lost", claimLost},
	{"it can't be resized", claimResize},
	{"it is not bound", claimPending},
}

func claimLost(_ *session, o object) []finding {
	if o.text("status", "phase") != "Lost" {
		return nil
	}
	return one(Finding{
		Reason: "ClaimLost", Severity: Critical, Text: fmt.Sprintf("Its volume %s does not exist any more, and its data with it.", o.text("spec", "volumeName")),
		Evidence: []Evidence{o.cite("status", "phase"), o.cite("spec", "volumeName")}, Next: "Restore the volume from a backup under the same name, or make the claim anew.",
	})
}

func claimResize(s *session, o object) []finding {
	e, ok := s.event(o, "VolumeResizeFailed", "FileSystemResizeFailed")
	if !ok || !o.condition("Resizing").is("True") && !o.condition("FileSystemResizePending").is("True") {
		return nil
	}
	return []finding{{Finding: Finding{
		Reason: e.text("reason"), Severity: Warning, Text: "It can't be made larger: " + sentence(e.text("message")), Evidence: []Evidence{citeEvent(e), o.cite("status", "capacity")},
		Next: "See whether its class allows expansion, and the storage's controller.",
	}, when: lastSeen(e)}}
}

const defaultStorage = "storageclass.kubernetes.io/is-default-class"

// claimPending tells a claim that waits for a pod, as it should, from one that a pod waits for.
func claimPending(s *session, o object) []finding {
	if o.text("status", "phase") != "Pending" {
		return nil
	}
	users, waiting := s.usersOf(o)
	if s.wide && !s.named(o) && len(waiting) == 0 && users > 0 {
		return nil // its pods run: somebody else provides
	}
	class := o.text("spec", "storageClassName")
	f := finding{Finding: Finding{
		Reason: "Pending", Severity: Critical, Text: "It is not bound to a volume.", Evidence: []Evidence{o.cite("status", "phase"), o.cite("spec", "storageClassName"), o.cite("spec", "resources", "requests")},
		Next: "Look at its storage class and at the volumes there are.",
	}}
	c, err := object{}, error(nil)
	if class != "" {
		c, err = s.get(classes, "", class)
	}
	switch {
	case class != "" && err != nil && s.missing(classes, "", class):
		if ok := s.boundByHand(o, class); ok {
			break
		}
		s.noClass(o, class, &f)
	case c.Unstructured != nil && c.text("volumeBindingMode") == "WaitForFirstConsumer" && len(waiting) == 0:
		return s.waitsForPod(o, class, users)
	case c.Unstructured != nil && c.text("volumeBindingMode") == "WaitForFirstConsumer" && o.GetAnnotations()[selectedNode] == "" && !blocks(waiting):
		return s.waitsForPlace(o, waiting[0])
	case c.Unstructured != nil:
		f.Evidence = append(f.Evidence, with(c, "provisioner"))
		f.Cause = fmt.Sprintf("The provisioner %s of its class %s has not made a volume.", c.text("provisioner"), class)
		f.Next = fmt.Sprintf("See whether the provisioner %s runs, and its log.", c.text("provisioner"))
	case class == "" && o.text("spec", "volumeName") == "":
		f.Cause = "It names no storage class, and probably none is the default."
	}
	if s.age(o) < podGrace && f.Reason == "Pending" {
		return nil // a volume takes its time
	}
	s.claimEvents(o, &f)
	return []finding{f}
}

func (s *session) noClass(o object, class string, f *finding) {
	f.Reason, f.Text = "StorageClassNotFound", fmt.Sprintf("It is not bound: its storage class %s does not exist.", class)
	f.Next = "Name a storage class that exists; the claim has to be made anew for that."
	var have []string
	for _, c := range s.list(classes, "", nil) {
		name := c.GetName()
		if c.GetAnnotations()[defaultStorage] == "true" {
			name += " (default)"
		}
		have = append(have, name)
	}
	if len(have) > 0 {
		f.Cause = fmt.Sprintf("The cluster has no class %s; it has %s.", class, some(have, 5))
	}
}

// boundByHand: volumes made by hand need no class, only its name.
func (s *session) boundByHand(o object, class string) bool {
	for _, v := range s.list(volumes, "", nil) {
		if v.text("spec", "storageClassName") == class {
			return true
		}
	}
	return false
}

// waitsForPod is as it should be; it is said where somebody asks for the claim itself.
func (s *session) waitsForPod(o object, class string, users int) []finding {
	if !s.named(o) {
		return nil
	}
	if users > 0 {
		return one(Finding{
			Reason: "Pending", Severity: Warning, Text: "It is not bound to a volume, and yet " + map[bool]string{true: "the pod that uses it does not wait for it.", false: fmt.Sprintf("none of the %d pods that use it waits for it.", users)}[users == 1],
			Cause:    fmt.Sprintf("Its class %s makes a volume when a pod is placed, and no volume was made then.", class),
			Evidence: []Evidence{o.cite("status", "phase"), {Path: "volumeBindingMode", Value: "WaitForFirstConsumer", Object: key{"StorageClass", "", class}.String()}},
			Next:     "See whether the provisioner of the class runs, and what the claim's events say.",
		})
	}
	return one(Finding{
		Reason: "WaitForFirstConsumer", Severity: Info, Text: "It waits for the first pod that uses it, as its storage class wants; no pod does.",
		Evidence: []Evidence{o.cite("status", "phase"), {Path: "volumeBindingMode", Value: "WaitForFirstConsumer", Object: key{"StorageClass", "", class}.String()}}, Next: "Nothing is to be done until a pod uses it.",
	})
}

// selectedNode is where the scheduler says for which node a volume is wanted.
const selectedNode = "volume.kubernetes.io/selected-node"

// blocks tells whether it is the claim that a pod waits for, as the scheduler says, and not the other way round.
func blocks(waiting []object) bool {
	for _, p := range waiting {
		if strings.Contains(p.condition("PodScheduled").message, "unbound immediate") {
			return true
		}
	}
	return false
}

// waitsForPlace: the volume is made where its pod runs, so a pod that has no node yet is the thing to look at.
func (s *session) waitsForPlace(o, p object) []finding {
	if !s.named(o) {
		return nil
	}
	s.look(p, o.key())
	return one(Finding{
		Reason: "WaitForPodScheduled", Severity: Info, Text: fmt.Sprintf("It waits for the pod %s to get a node, and is bound then.", p.GetName()),
		Evidence: []Evidence{o.cite("status", "phase"), with(p, "status", "phase")}, Next: "See why the pod has no node.", Related: []string{p.key().String()},
	})
}

// usersOf counts the pods that use the claim, and gives those that wait.
func (s *session) usersOf(o object) (users int, waiting []object) {
	for _, p := range s.list(pods, o.GetNamespace(), nil) {
		for _, v := range p.maps("spec", "volumes") {
			if text(v, "persistentVolumeClaim", "claimName") == o.GetName() {
				users++
				if p.text("status", "phase") == "Pending" {
					waiting = append(waiting, p)
				}
			}
		}
	}
	return users, waiting
}

var claimReasons = []string{"ProvisioningFailed", "FailedBinding", "VolumeMismatch", "ExternalProvisioning", "ClaimMisbound"}

func (s *session) claimEvents(o object, f *finding) {
	for _, e := range s.eventsOf(o) {
		reason := e.text("reason")
		if !slices.Contains(claimReasons, reason) {
			continue
		}
		f.Evidence, f.when, f.began = append(f.Evidence, citeEvent(e)), lastSeen(e), firstSeen(e)
		if reason == "ExternalProvisioning" {
			return // only says who is waited for
		}
		f.Text += " " + sentence(e.text("message"))
		if f.Reason == "Pending" {
			f.Reason = reason
		}
		return
	}
}

var volumeRules = []rule{{"it failed", func(_ *session, o object) []finding {
	if o.text("status", "phase") != "Failed" {
		return nil
	}
	return one(Finding{
		Reason: cmp.Or(o.text("status", "reason"), "VolumeFailed"), Severity: Warning, Text: "It could not be reclaimed" + because(o.text("status", "message")), Evidence: []Evidence{o.cite("status", "phase"), o.cite("status", "message")},
		Next: "Look at the storage's controller.",
	})
}}}
