package diagnose

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Unwell tells from an object's own fields, with no further read, whether it may be worth a diagnosis. It errs on the
// side of yes: whether there is something to tell is for Run to find out.
func Unwell(u *unstructured.Unstructured) bool {
	o := object{u}
	if test, ok := unwell[o.GroupVersionKind().GroupKind()]; ok {
		return test(o)
	}
	return len(badCondition(nil, o)) > 0 || len(badPhase(nil, o)) > 0
}

var unwell = map[schema.GroupKind]func(object) bool{
	kindOf("", "Pod"): func(o object) bool {
		if o.text("status", "phase") == "Succeeded" {
			return false
		}
		return o.GetDeletionTimestamp() != nil || !o.ready() || slices.ContainsFunc(containersOf(o), func(c container) bool { return c.restarts() > 0 })
	},
	kindOf("apps", "Deployment"):        short,
	kindOf("apps", "StatefulSet"):       short,
	kindOf("apps", "DaemonSet"):         short,
	kindOf("apps", "ReplicaSet"):        short,
	kindOf("", "ReplicationController"): short,
	kindOf("batch", "Job"): func(o object) bool {
		return !complete(o) && (o.count("status", "failed") > 0 || o.condition("Failed").is("True") || o.flag("spec", "suspend"))
	},
	kindOf("batch", "CronJob"): func(o object) bool { return o.flag("spec", "suspend") },
	kindOf("autoscaling", "HorizontalPodAutoscaler"): func(o object) bool {
		return o.condition("AbleToScale").is("False") || o.condition("ScalingActive").is("False")
	},
	kindOf("", "Node"): func(o object) bool {
		return !o.ready() || o.flag("spec", "unschedulable") || slices.ContainsFunc(o.maps("status", "conditions"), func(c map[string]any) bool {
			return c["type"] != "Ready" && c["status"] == "True" // pressure, no network
		})
	},
	kindOf("", "PersistentVolumeClaim"): func(o object) bool { return o.text("status", "phase") != "Bound" },
	kindOf("", "PersistentVolume"):      func(o object) bool { return o.text("status", "phase") == "Failed" },
	kindOf("", "Namespace"):             func(o object) bool { return o.GetDeletionTimestamp() != nil },
	kindOf("", "Endpoints"): func(o object) bool {
		return !slices.ContainsFunc(o.maps("subsets"), func(s map[string]any) bool { return len(maps(s, "addresses")) > 0 })
	},
}

// short: fewer pods are ready than are wanted.
func short(o object) bool {
	return o.readyPods() < o.wanted() || o.condition("ReplicaFailure").is("True")
}

// Objects looks at objects that were read already, such as the rows of a list, as Run looks at one that is asked for:
// each trouble of siblings is told once, and nothing is read twice.
func Objects(ctx context.Context, r Reader, at time.Time, list []*unstructured.Unstructured) Report {
	s := newSession(ctx, r, Target{At: at})
	s.wide, s.asked = true, map[key]bool{}
	var spaces []string
	for _, u := range list {
		s.asked[object{u}.key()] = true
		if ns := u.GetNamespace(); !slices.Contains(spaces, ns) {
			spaces = append(spaces, ns)
		}
	}
	if len(spaces) > severalSpaces {
		spaces = []string{""}
	}
	var qs []Query
	for _, ns := range spaces {
		qs = append(qs, warningsIn(ns))
	}
	s.warm(qs)
	for _, u := range list {
		s.look(object{u}, key{})
	}
	return s.report()
}

// severalSpaces is from how many namespaces on the warnings of all of them are read at once.
const severalSpaces = 4
