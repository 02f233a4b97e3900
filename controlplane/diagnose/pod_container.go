package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// containerRules find the one trouble of a container.
var containerRules = []struct {
	name string
	look func(*session, object, container) []finding
}{
	{"its image can't be had", imageTrouble},
	{"its environment can't be made", configTrouble},
	{"it ran out of memory", memoryTrouble},
	{"it crashes again and again", crashTrouble},
	{"it can't be started", startTrouble},
	{"it ended in error", endTrouble},
}

func podContainers(s *session, o object) []finding {
	if o.text("status", "phase") == "Succeeded" {
		return []finding{}
	}
	var out []finding
	for _, c := range containersOf(o) {
		for _, r := range containerRules {
			if f := r.look(s, o, c); len(f) > 0 {
				out = append(out, f...)
				break
			}
		}
	}
	return out
}

func (c container) waiting() (reason, message string) {
	return text(c.status, "state", "waiting", "reason"), text(c.status, "state", "waiting", "message")
}

// waitEvidence cites what the container waits for.
func (c container) waitEvidence() []Evidence {
	out := []Evidence{c.cite("state", "waiting", "reason")}
	if _, message := c.waiting(); message != "" {
		out = append(out, c.cite("state", "waiting", "message"))
	}
	return out
}

var imageReasons = []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "ErrImageNeverPull", "RegistryUnavailable", "SignatureValidationFailed"}

// imageTrouble tells a missing tag from a closed registry and from one that can't be reached.
func imageTrouble(s *session, o object, c container) []finding {
	reason, message := c.waiting()
	if !slices.Contains(imageReasons, reason) {
		return nil
	}
	image := cmp.Or(text(c.spec, "image"), text(c.status, "image"))
	f := finding{Finding: Finding{Reason: reason, Severity: Critical, Evidence: c.waitEvidence()}}
	f.Evidence = append(f.Evidence, Evidence{Path: "spec.containers[" + c.name + "].image", Value: image})
	for _, e := range s.warnings(o) {
		if text := e.text("message"); slices.Contains([]string{"Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"}, e.text("reason")) && strings.Contains(text, "ull") {
			if f.when.IsZero() {
				f.Evidence, f.when, f.began = append(f.Evidence, citeEvent(e)), lastSeen(e), firstSeen(e)
			}
			message += " " + text
		}
	}
	f.Text = fmt.Sprintf("%s can't get its image %s.", c.called(), image)
	for _, k := range imageCauses {
		if k.reason == reason || k.says != nil && k.says.MatchString(message) {
			f.Cause, f.Next = fmt.Sprintf(k.cause, image), k.next
			break
		}
	}
	f.Next = cmp.Or(f.Next, "Check the image's name and tag, and whether the node may pull it.")
	return []finding{f}
}

// imageCauses are tried in order; the first that fits is it.
var imageCauses = []struct {
	reason      string
	says        *regexp.Regexp
	cause, next string
}{
	{"InvalidImageName", nil, "%q is not a valid image name.", "Correct the image's name."},
	{"ErrImageNeverPull", nil, "The node does not have %s, and its pull policy is Never.", "Load the image onto the node, or let it be pulled."},
	{"SignatureValidationFailed", nil, "The signature of %s is not accepted.", "Sign the image, or correct the node's policy."},
	{"", regexp.MustCompile(`(?i)toomanyrequests|rate limit`), "The registry of %s lets nobody pull more for now.", "Wait, pull with a login, or use a mirror."},
	{"", regexp.MustCompile(`(?i)no such host|i/o timeout|connection refused|dial tcp|no route to host|deadline exceeded|tls: |x509`), "The registry of %s can't be reached from the node.", "Check the registry's name and the node's network."},
	{"", regexp.MustCompile(`(?i)no match for platform|no matching manifest`), "There is no %s for the node's platform.", "Build the image for that platform, or choose other nodes."},
	{"", regexp.MustCompile(`(?i)manifest unknown|manifest for .* not found|not found`), "The image %s does not exist in its registry.", "Set an image whose tag exists, or roll back to the one before."},
	{"", regexp.MustCompile(`(?i)unauthorized|denied|authentication|forbidden|no basic auth`), "The registry does not let the node pull %s; or there is no such image, which some registries say alike.", "Give the pod or its service account an imagePullSecret that may read it, and check the name."},
}

var (
	missingConfig = regexp.MustCompile(`(?i)\b(configmap|secret|persistentvolumeclaim) "?(?:[^"/\s]+/)?([^"\s]+?)"? not found`)
	missingKey    = regexp.MustCompile(`(?i)couldn't find key (\S+) in (ConfigMap|Secret) (?:\S+/)?(\S+)`)
)

// configTrouble says which ConfigMap, Secret or key is missing.
func configTrouble(s *session, o object, c container) []finding {
	reason, message := c.waiting()
	if reason != "CreateContainerConfigError" && reason != "CreateContainerError" {
		return nil
	}
	f := Finding{
		Reason: reason, Severity: Critical, Text: fmt.Sprintf("%s can't be made: %s", c.called(), sentence(message)), Evidence: c.waitEvidence(),
		Next: "Check what its environment and volumes refer to.",
	}
	if m := missingKey.FindStringSubmatch(message); m != nil {
		kind := strings.ToLower(m[2])
		f.Text = fmt.Sprintf("%s needs the key %s of the %s %s, which has no such key.", c.called(), m[1], kind, m[3])
		f.Cause = fmt.Sprintf("The %s %s has no key %s.", kind, m[3], m[1])
		f.Next = "Add the key, or correct the reference."
		f.Related = []string{key{kind, o.GetNamespace(), m[3]}.String()}
	} else if m := missingConfig.FindStringSubmatch(message); m != nil {
		kind := strings.ToLower(m[1])
		f.Text = fmt.Sprintf("%s needs the %s %s, which does not exist.", c.called(), kind, m[2])
		f.Cause = fmt.Sprintf("There is no %s %s in %s.", kind, m[2], o.GetNamespace())
		f.Next = fmt.Sprintf("Create the %s %s, or correct the reference.", kind, m[2])
		f.Related = []string{key{kind, o.GetNamespace(), m[2]}.String()}
		if kind == "configmap" && s.missing(configMaps, o.GetNamespace(), m[2]) {
			f.Evidence = append(f.Evidence, Evidence{Path: "metadata.name", Value: "not found", Object: f.Related[0]})
		}
	} else if strings.Contains(message, "runAsNonRoot") {
		f.Cause, f.Next = "The image wants to run as root, which the pod forbids.", "Set a user in the image or in runAsUser."
	}
	return one(f)
}

func startTrouble(_ *session, _ object, c container) []finding {
	reason, message := c.waiting()
	if reason != "RunContainerError" && reason != "PostStartHookError" && reason != "StartError" {
		return nil
	}
	f := Finding{Reason: reason, Severity: Critical, Text: fmt.Sprintf("%s can't be started: %s", c.called(), sentence(message)), Evidence: c.waitEvidence(), Next: "Check its command and its mounts."}
	if notExecutable.MatchString(message) {
		f.Cause, f.Next = "Its command does not exist in the image, or may not be executed.", "Correct the command, or the image."
	}
	return one(f)
}

var notExecutable = regexp.MustCompile(`(?i)executable file not found|no such file or directory|permission denied|exec format error`)
