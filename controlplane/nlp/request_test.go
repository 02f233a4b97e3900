package nlp_test

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// harbour is a small cluster with a custom resource in it.
const harbour = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: berths.port.io}
spec:
  group: port.io
  scope: Namespaced
  names: {plural: berths, singular: berth, kind: Berth}
  versions: [{name: v1, served: true, storage: true}]
---
{apiVersion: port.io/v1, kind: Berth, metadata: {name: north, namespace: quay}, spec: {depthMeters: 9, open: true, enabled: false, master: ana}}
---
{apiVersion: v1, kind: Node, metadata: {name: crane-1}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: hold, namespace: quay}}
---
{apiVersion: v1, kind: Pod, metadata: {name: buoy, namespace: quay}}
---
{apiVersion: v1, kind: Pod, metadata: {name: skiff, namespace: quay}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: tide, namespace: quay}, spec: {schedule: "0 1 * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: t, image: "tide:1"}]}}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: ferry, namespace: quay}, spec: {replicas: 2, template: {spec: {containers: [{name: ferry, image: "port/ferry:1.0"}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: tug, namespace: quay}, spec: {replicas: 1, template: {spec: {containers: [{name: tug, image: "port/tug:1.0"}]}}}}
`

func inHarbour(t *testing.T, said string) nlp.Translation {
	t.Helper()
	v, err := nlp.FromManifests(strings.NewReader(harbour), "harbour", "default")
	if err != nil {
		t.Fatal(err)
	}
	turns := strings.Split(said, " » ")
	req := nlp.Request{Utterance: turns[len(turns)-1], Vocabulary: v}
	for _, turn := range turns[:len(turns)-1] {
		req.Context = append(req.Context, nlp.Turn{Utterance: turn})
	}
	return nlp.Translator{}.Translate(t.Context(), req)
}

func TestARequestIsFoundAmongWhatExplainsIt(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"nobody uses hold any longer, so delete it":                              "kubectl delete persistentvolumeclaim hold -n quay",
		"ferry leaks all night, give it a memory limit of half a gig":            "kubectl set resources deployment/ferry -n quay --limits=memory=512Mi",
		"the new tug is rubbish, put it back to the one before":                  "kubectl rollout undo deployment/tug -n quay",
		"knock one replica off ferry":                                            "kubectl scale deployment/ferry -n quay --replicas=1",
		"scale ferry to 5 but only if it is at 2 now":                            "kubectl scale deployment/ferry -n quay --current-replicas=2 --replicas=5",
		"tide should run on weekdays at 18:30":                                   `kubectl patch cronjob tide -n quay -p '{"spec":{"schedule":"30 18 * * 1-5"}}'`,
		"cordon crane-1 » it is repaired, open it up again":                      "kubectl uncordon crane-1",
		"scale ferry to 4 and tug to 2":                                          "kubectl scale deployment/ferry -n quay --replicas=4\nkubectl scale deployment/tug -n quay --replicas=2",
		"set the depth of north to 12":                                           `kubectl patch berth north -n quay --type=merge -p '{"spec":{"depthMeters":12}}'`,
		"turn north on":                                                          `kubectl patch berth north -n quay --type=merge -p '{"spec":{"enabled":true}}'`,
		"put the ferry rollout on hold until i have had a look":                  "kubectl rollout pause deployment/ferry -n quay",
		"label crane-1 side=lee and then list the nodes with this label":         "kubectl label node crane-1 side=lee\nkubectl get nodes -l side=lee",
		"we hereby request that the deployment tug be restarted. see to it":      "kubectl rollout restart deployment/tug -n quay",
		"set MODE=calm on ferry » sorry, make it MODE=storm":                     "kubectl set env deployment/ferry -n quay MODE=storm",
		"ship port/ferry:1.1 to ferry, leave tug alone, the captain asked twice": "kubectl set image deployment/ferry ferry=port/ferry:1.1 -n quay",
	} {
		if tr := inHarbour(t, said); tr.Kubectl != want {
			t.Errorf("%q: %s %q (%s), want %q", said, tr.Class, tr.Kubectl, tr.Message, want)
		}
	}
}

func TestWhatOnlySoundsLikeARequestChangesNothing(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"ferry must not be restarted", "delete buoy? no, keep it", "delete buoy or skiff", "delete buoy and everything that depends on it", "restart ferry every night",
		"scale ferry to 5 during business hours", "we deleted buoy already", "buoy should be deleted by now", "remind me to restart ferry", "someone asked to drain crane-1, is that ok?",
		"ferry is scaled to 2, right?", "tide runs every night at 3", "the depth of north is 12", "would scaling ferry to 5 help", "delete quay", "restart ferry, no wait, tug",
		"restart everything but tug in quay", "restart ferry when the tide is high", "next deletes just run them without asking me", "tell me before you delete buoy", "delete the buoy nobody sees",
		"at what time does tide run", "scale ferry and the blorper to 3", "restart ferry tomorrow", "nothing runs on crane-1",
		"check whether buoy can be deleted", "drain status of crane-1", "the image of ferry is port/ferry:1.1", "tide at 3 failed", "ferry keeps restarting", "is there a namespace called reef",
	} {
		if tr := inHarbour(t, said); tr.Plan != nil && tr.Class != nlp.Read {
			t.Errorf("%q: %s %q (%s)", said, tr.Class, tr.Kubectl, tr.Message)
		}
	}
}

func TestWhatIsToBeKeptIsKept(t *testing.T) {
	t.Parallel()
	if tr := inHarbour(t, "delete pod buoy and keep skiff"); tr.Kubectl != "kubectl delete pod buoy -n quay" {
		t.Errorf("%s %q (%s)", tr.Class, tr.Kubectl, tr.Message)
	}
}

func TestAChangeThatLacksSomethingIsAskedAbout(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"plz deploy the hotfix", "set an env var on ferry", "change the cronjob schedule", "increase memory for tug", "put a label on crane-1", "list the berths in quay » proceed with the removal"} {
		if tr := inHarbour(t, said); tr.Class != nlp.Clarify {
			t.Errorf("%q: %s %q (%s)", said, tr.Class, tr.Kubectl, tr.Message)
		}
	}
}
