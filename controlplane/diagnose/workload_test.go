package diagnose_test

import (
	"strings"
	"testing"
)

func TestWorkloads(t *testing.T) {
	t.Parallel()
	web := `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, creationTimestamp: "@48h", generation: 3}
spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}
status: {readyReplicas: 1, observedGeneration: 3, conditions: [%s]}
---
`
	with := func(conditions string) string { return strings.Replace(web, "%s", conditions, 1) }
	quota := `
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: shop}
status: {hard: {pods: "5"}, used: {pods: "5"}}
---
`
	at, object := "deployments/shop/web", "deployment/web in shop"
	check(t, map[string]ill{
		"a quota": {with(`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "web-1" is forbidden: exceeded quota: team, requested: pods=1, used: pods=5, limited: pods=5'}`) + quota, at, object, "FailedCreate",
			[]string{"The quota team of the namespace is used up", "status.hard = pods=5 (resourcequota/team in shop)"}, []string{`ReplicaFailure, status: "True"`, `ReplicaFailure, status: "False"`, "readyReplicas: 1", "readyReplicas: 2"}, true},
		"a webhook's refusal": {with(`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'admission webhook "no-latest.example.com" denied the request: latest'}`), at, object, "FailedCreate", []string{"no-latest.example.com refused it"}, nil, true},
		"a limit range":       {with(`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2'}`), at, object, "FailedCreate", []string{"limit range"}, nil, true},
		"no account":          {with(`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "x" is forbidden: error looking up service account shop/w: serviceaccount "w" not found'}`), at, object, "FailedCreate", []string{"service account w does not exist"}, nil, true},
		"too few":             {with(`{type: Available, status: "False", reason: MinimumReplicasUnavailable, lastTransitionTime: "@20m"}`), at, object, "MinimumReplicasUnavailable", []string{"1 of 2 pods are ready"}, []string{"readyReplicas: 1", "readyReplicas: 2"}, true},
		"paused":              {strings.Replace(with(""), "spec: {replicas: 2,", "spec: {paused: true, replicas: 1,", 1), at, object, "DeploymentPaused", []string{"info", "resume rollout of deployment web"}, []string{"paused: true", "paused: false"}, true},
		"scaled to 0":         {strings.Replace(with(""), "replicas: 2", "replicas: 0", 1), at, object, "ScaledToZero", []string{"info"}, []string{"replicas: 0", "replicas: 1"}, true},
		"a stateful set that is stuck": {`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 3, selector: {matchLabels: {app: db}}}
status: {readyReplicas: 1, replicas: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, creationTimestamp: "@48h", labels: {app: db}}
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: shop, creationTimestamp: "@48h", labels: {app: db}}
status: {phase: Running}
`, "statefulsets/shop/db", "statefulset/db in shop", "StatefulSetStuck", []string{"db-1 is not ready and holds back the 1 pod after it"}, []string{"readyReplicas: 1", "readyReplicas: 3"}, true},
		"a daemon set's quota": {`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop, creationTimestamp: "@48h"}
spec: {selector: {matchLabels: {app: agent}}}
status: {desiredNumberScheduled: 3, currentNumberScheduled: 1, numberReady: 1}
---
` + event("DaemonSet", "agent", "FailedCreate", "pods is forbidden: violates PodSecurity \"restricted:latest\": host namespaces"), "daemonsets/shop/agent", "daemonset/agent in shop", "FailedCreate",
			[]string{"pod security level restricted:latest"}, []string{"currentNumberScheduled: 1, numberReady: 1", "currentNumberScheduled: 3, numberReady: 3"}, true},
		"a daemon set without nodes": {`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop, creationTimestamp: "@48h"}
spec: {selector: {matchLabels: {app: agent}}, template: {spec: {nodeSelector: {gpu: "yes"}}}}
status: {desiredNumberScheduled: 0}
`, "daemonsets/shop/agent", "daemonset/agent in shop", "NoMatchingNodes", []string{"gpu=yes"}, []string{"desiredNumberScheduled: 0", "desiredNumberScheduled: 1, numberReady: 1"}, true},
		"a selector of its own": {strings.Replace(with(""), "template: {metadata: {labels: {app: web}}}", "template: {metadata: {labels: {app: wed}}}", 1), at, object, "SelectorMismatch", nil,
			[]string{"labels: {app: wed}", "labels: {app: web}", "readyReplicas: 1", "readyReplicas: 2"}, false},
	})
}

func TestARolloutThatGoesOnIsNoFault(t *testing.T) {
	t.Parallel()
	r := reader(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 2, selector: {matchLabels: {app: web}}}
status: {readyReplicas: 1, conditions: [{type: Progressing, status: "True", reason: ReplicaSetUpdated}, {type: Available, status: "True"}]}
`)
	if found := run(t, r, "deployments/shop/web"); len(found) > 0 {
		t.Errorf("%s", says(found[0]))
	}
}

const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: seed, namespace: shop, creationTimestamp: "@1h"}
spec: {selector: {matchLabels: {job-name: seed}}, activeDeadlineSeconds: 60}
status: {failed: 1, conditions: [%s]}
---
`

func TestJobsAndCronJobs(t *testing.T) {
	t.Parallel()
	failed := strings.Replace(job, "%s", `{type: Failed, status: "True", reason: BackoffLimitExceeded, message: "Job has reached the specified backoff limit"}`, 1)
	seed := `
apiVersion: v1
kind: Pod
metadata: {name: seed-x, namespace: shop, labels: {job-name: seed}, ownerReferences: [{kind: Job, name: seed, controller: true}]}
status: {phase: Failed, containerStatuses: [{name: app, state: {terminated: {exitCode: 1, reason: Error, message: "column exists"}}}]}
---
`
	cron := `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop, creationTimestamp: "@200h"}
spec: {schedule: "%s", suspend: false}
status: {lastScheduleTime: "2026-05-04T02:00:00Z"}
---
`
	with := func(schedule string) string { return strings.Replace(cron, "%s", schedule, 1) }
	check(t, map[string]ill{
		"a job that failed": {failed + seed, "jobs/shop/seed", "job/seed in shop", "BackoffLimitExceeded", []string{"ended with exit code 1", "column exists", "reason = Error"}, []string{"type: Failed", "type: Complete", "phase: Failed", "phase: Succeeded"}, false},
		"a deadline": {strings.Replace(job, "%s", `{type: Failed, status: "True", reason: DeadlineExceeded, message: "Job was active longer than specified deadline"}`, 1), "jobs/shop/seed", "job/seed in shop", "DeadlineExceeded",
			[]string{"deadline of 60 s"}, nil, true},
		"a suspended cron job": {strings.Replace(with("0 2 * * *"), "suspend: false", "suspend: true", 1), "cronjobs/shop/nightly", "cronjob/nightly in shop", "Suspended", []string{"the last one was 10 hours ago", "info"}, []string{"suspend: true", "suspend: false"}, true},
		"a bad schedule":       {with("0 25 * * *"), "cronjobs/shop/nightly", "cronjob/nightly in shop", "InvalidSchedule", []string{`hour "25" is not valid`}, []string{"0 25 * * *", "0 2 * * *"}, true},
		"missed runs":          {with("0 * * * *"), "cronjobs/shop/nightly", "cronjob/nightly in shop", "MissSchedule", []string{"its last run was 10 hours ago"}, []string{"0 * * * *", "0 2 * * *"}, true},
		"missed, says its event": {with("0 2 * * *") + event("CronJob", "nightly", "TooManyMissedTimes", "too many missed start times"), "cronjobs/shop/nightly", "cronjob/nightly in shop", "TooManyMissedTimes", nil,
			[]string{"@3m", "@80h"}, true},
		"its last job failed": {with("0 2 * * *") + strings.Replace(failed, "metadata: {", "metadata: {ownerReferences: [{kind: CronJob, name: nightly, controller: true}], ", 1), "cronjobs/shop/nightly", "job/seed in shop", "BackoffLimitExceeded", nil,
			[]string{"type: Failed", "type: Complete"}, true},
	})
}

func TestAutoscalersAndBudgets(t *testing.T) {
	t.Parallel()
	hpa := `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
status: {currentReplicas: 4, conditions: [%s]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 4, selector: {matchLabels: {app: web}}}
status: {readyReplicas: 4}
---
`
	with := func(c string) string { return strings.Replace(hpa, "%s", c, 1) }
	at, object := "horizontalpodautoscalers/shop/web", "horizontalpodautoscaler/web in shop"
	pdb := `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
status: {disruptionsAllowed: 0, expectedPods: 2, desiredHealthy: 2, currentHealthy: 2}
---
`
	check(t, map[string]ill{
		"no metrics": {with(`{type: ScalingActive, status: "False", reason: FailedGetResourceMetric, message: "unable to fetch metrics from resource metrics API"}`), at, object, "FailedGetResourceMetric",
			[]string{"The metrics API does not answer"}, []string{`status: "False"`, `status: "True"`}, true},
		"no requests":          {with(`{type: ScalingActive, status: "False", reason: FailedGetResourceMetric, message: "missing request for cpu in container app"}`), at, object, "FailedGetResourceMetric", []string{"have no request"}, nil, true},
		"no target":            {strings.Replace(with(`{type: AbleToScale, status: "False", reason: FailedGetScale}`), "kind: Deployment, name: web", "kind: Deployment, name: wed", 1), at, object, "FailedGetScale", []string{"deployment wed that it scales does not exist"}, nil, true},
		"at its end":           {with(`{type: ScalingLimited, status: "True", reason: TooManyReplicas, message: x}`), at, object, "TooManyReplicas", []string{"at its maximum of 4"}, []string{"currentReplicas: 4", "currentReplicas: 3"}, true},
		"its target's trouble": {with("") + pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", "")), at, "deployment/web in shop", "CrashLoopBackOff", nil, nil, true},
		"a budget that blocks": {pdb, "poddisruptionbudgets/shop/web", "poddisruptionbudget/web in shop", "InsufficientPods", []string{"minAvailable of 2 leaves no pod"}, []string{"disruptionsAllowed: 0", "disruptionsAllowed: 1"}, true},
		"a budget that is short": {strings.Replace(pdb, "currentHealthy: 2", "currentHealthy: 1", 1) + pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", "")), "poddisruptionbudgets/shop/web", "deployment/web in shop", "CrashLoopBackOff", nil,
			[]string{"disruptionsAllowed: 0", "disruptionsAllowed: 1"}, false},
	})
}
