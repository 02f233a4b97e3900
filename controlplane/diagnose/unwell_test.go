package diagnose_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/diagnose"
)

func TestThatSomethingIsUnwellIsSeenFromItsOwnFields(t *testing.T) {
	t.Parallel()
	done := "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nstatus: {phase: Succeeded, containerStatuses: [{restartCount: 3}]}\n"
	node := "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {conditions: [{type: Ready, status: 'True'}, {type: DiskPressure, status: '%'}]}\n"
	for text, want := range map[string]bool{
		pod("a", "Running", well): false, pod("b", "Pending", ""): true, pod("c", "Running", waiting("CrashLoopBackOff", "", "")): true, pod("d", "Running", restarted): true, done: false,
		deployment: true, strings.Replace(deployment, "readyReplicas: 0", "readyReplicas: 2", 1): false,
		strings.Replace(node, "%", "False", 1): false, strings.Replace(node, "%", "True", 1): true,
		"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: x}\nstatus: {phase: Pending}\n":                                                     true,
		"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: x}\nstatus: {phase: Bound}\n":                                                       false,
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {suspend: true}\n":                                                                true,
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {suspend: false}\n":                                                               false,
		"apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nstatus: {failed: 1}\n":                                                                      true,
		"apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nstatus: {failed: 1, completionTime: \"@5m\"}\n":                                             false,
		"apiVersion: v1\nkind: Endpoints\nmetadata: {name: x}\n":                                                                                           true,
		"apiVersion: v1\nkind: Endpoints\nmetadata: {name: x}\nsubsets: [{addresses: [{ip: 10.0.0.1}]}]\n":                                                 false,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n":                                                                                           false,
		"apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: x}\nstatus: {conditions: [{type: Ready, status: 'False'}]}\n":                                  true,
		"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: x}\nstatus: {conditions: [{type: ScalingActive, status: 'False'}]}\n": true,
	} {
		if got := diagnose.Unwell(&reader(t, text).Objects[0]); got != want {
			t.Errorf("%v of\n%s", got, text)
		}
	}
}

func TestRowsOfOneListAreLookedIntoTogether(t *testing.T) {
	t.Parallel()
	crash := waiting("CrashLoopBackOff", "", "")
	r := reader(t, pod("web-abc12-1", "Running", crash)+pod("web-abc12-2", "Running", crash)+pod("web-abc12-3", "Running", well)+
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {schedule: '0 1 * * *', suspend: true}\n")
	var list []*unstructured.Unstructured
	for i := range r.Objects {
		list = append(list, &r.Objects[i])
	}
	got := diagnose.Objects(t.Context(), r, now, list)
	if text := brief(got.Findings); text != "deployment/web in shop CrashLoopBackOff, cronjob/nightly in shop Suspended" {
		t.Errorf("found %s", text)
	}
	if got.Reads > 5 {
		t.Errorf("%d reads", got.Reads)
	}
}
