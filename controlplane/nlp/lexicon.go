package nlp

import (
	"sort"
	"strings"
)

// concept is what a word or phrase means here. The words for a concept are in lexiconTable; a word may have several,
// and the frames decide.
type concept string

// Concepts. Verbs first, then nouns, filters, orders, ways of asking.
const (
	cShow     concept = "show"     // explicit: list, show, display
	cGeneric  concept = "generic"  // see, get, give, check: asks for something, weighs nothing
	cAsk      concept = "ask"      // what, which, is there
	cDescribe concept = "describe" //
	cLogs     concept = "logs"
	cTop      concept = "top"
	cUsage    concept = "usage"
	cEvents   concept = "events"
	cWarning  concept = "warning"
	cHappen   concept = "happen"
	cWhy      concept = "why"
	cTrouble  concept = "trouble" // wrong, problem, broken
	cHealth   concept = "health"  // healthy, ok, down
	cCount    concept = "count"

	cScale     concept = "scale"
	cUp        concept = "up"
	cDown      concept = "down"
	cStop      concept = "stop"
	cRestart   concept = "restart"
	cUndo      concept = "undo"
	cHistory   concept = "history"
	cRollout   concept = "rollout"
	cStatus    concept = "status"
	cPause     concept = "pause"
	cResume    concept = "resume"
	cSuspend   concept = "suspend"
	cSet       concept = "set"
	cUpgrade   concept = "upgrade"
	cLabel     concept = "label"
	cAnnotate  concept = "annotate"
	cExpose    concept = "expose"
	cAutoscale concept = "autoscale"
	cCordon    concept = "cordon"
	cUncordon  concept = "uncordon"
	cDrain     concept = "drain"
	cTaint     concept = "taint"
	cUntaint   concept = "untaint"
	cDelete    concept = "delete"
	cRemove    concept = "remove"
	cCreate    concept = "create"
	cAdd       concept = "add"
	cRun       concept = "run"
	cCanI      concept = "canI"
	cCanDo     concept = "canDo"
	cWhoAmI    concept = "whoAmI"
	cExplain   concept = "explain"
	cKinds     concept = "kinds"
	cVersion   concept = "version"
	cTrigger   concept = "trigger"
	cResize    concept = "resize"

	cExec        concept = "exec"
	cPortForward concept = "portForward"
	cCopy        concept = "copy"
	cEdit        concept = "edit"
	cPatch       concept = "patch"
	cBind        concept = "bind"
	cFinalizer   concept = "finalizer"
	cApply       concept = "apply"
	cSecretValue concept = "secretValue"

	cReplicas   concept = "replicas"
	cImage      concept = "image"
	cEnv        concept = "env"
	cLimit      concept = "limit"
	cRequest    concept = "request"
	cCPU        concept = "cpu"
	cMemory     concept = "memory"
	cPort       concept = "port"
	cTargetPort concept = "targetPort"
	cSvcType    concept = "serviceType"
	cNamed      concept = "named"
	cContainer  concept = "container"
	cInit       concept = "initContainer"
	cRevision   concept = "revision"
	cMax        concept = "max"
	cMin        concept = "min"
	cNS         concept = "namespaceWord"
	cRange      concept = "range"
	cFrom       concept = "from"
	cReadAccess concept = "readAccess"
	cSize       concept = "size"

	cPrevious   concept = "previous"
	cFollow     concept = "follow"
	cTail       concept = "tail"
	cSince      concept = "since"
	cTimestamps concept = "timestamps"
	cYAML       concept = "yaml"
	cJSON       concept = "json"
	cWide       concept = "wide"
	cNames      concept = "names"
	cShowLabels concept = "showLabels"
	cClusterIP  concept = "clusterIP"
	cIP         concept = "ip"
	cSchedule   concept = "schedule"
	cAge        concept = "age"

	cCrashing   concept = "crashing"
	cPending    concept = "pending"
	cNotReady   concept = "notReady"
	cReady      concept = "ready"
	cNotRunning concept = "notRunning"
	cRunning    concept = "running"
	cFailed     concept = "failed"
	cFailing    concept = "failing"
	cEvicted    concept = "evicted"
	cOOM        concept = "oom"
	cPull       concept = "pull"
	cCompleted  concept = "completed"
	cTerm       concept = "terminating"
	cRestarted  concept = "restarted"
	cOlder      concept = "older"
	cNewer      concept = "newer"
	cOver       concept = "over"
	cSuspended  concept = "suspended"
	cCordoned   concept = "cordoned"

	cSort        concept = "sort"
	cMost        concept = "most"
	cLeast       concept = "least"
	cOldest      concept = "oldest"
	cNewest      concept = "newest"
	cAll         concept = "all"
	cEverywhere  concept = "everywhere"
	cEverything  concept = "everything"
	cForce       concept = "force"
	cOrphan      concept = "orphan"
	cNow         concept = "now"
	cDryRun      concept = "dryRun"
	cMore        concept = "more"
	cBy          concept = "by"
	cInstead     concept = "instead"
	cSame        concept = "same"
	cAbout       concept = "about"
	cMake        concept = "make"
	cIt          concept = "it"
	cNot         concept = "not"
	cNoConfirm   concept = "noConfirm"
	cHow         concept = "how" // asks about a change, not for it
	cFiller      concept = "filler"
	cWorkload    concept = "workload" // app, workload: a thing that runs, of no said kind
	cUnderWhich  concept = "permission"
	cServiceAcct concept = "as"
)

// lexiconTable holds the words and phrases of each concept, separated by commas. A word after ~ is a verb, and its
// regular forms count too.
var lexiconTable = map[concept]string{
	cShow:     "~show, ~dump, ~provide, ~export, ~deliver, ~indicate, ~present, ~outline, ~specify, spit out, dish out, ~hand, cough up, reel off, rattle off, run me through, walk me through, lay out, ~furnish, ~share, throw me, feed me, toss me, shoot me, ~supply, rundown, run down of, ~grab, ~pull, ~list, ~display, ~print, ~enumerate, ~fetch, output, ~return, pull up, bring up, ls, showing me",
	cGeneric:  "get, ~see, ~view, ~find, ~check, ~look, give, tell, want, need, ~retrieve, ~tell, ~read, know, getting, gets, have a look, take a look, look at, look up, i want to, i need to, would like",
	cAsk:      "what, which, whose, where, who, any, is there, are there, do we have, do i have, exist, exists, existing, available, have we, there",
	cDescribe: "tell me everything about, tell me all about, everything about, all about, everything you know about, all you know about, everything there is to know about, everything there is about, ~describe, desc, details, detail, info, information, ~inspect, tell me about, more about, describe me, tell me more about, full picture, in detail, deets",
	cLogs:     "log, logs, ~log, stdout, stderr, console output, log output, log lines, log messages, logfile, logfiles",
	cTop:      "top, resource usage, resource consumption, resource use, utilisation, utilization, ~consume, consumption, load",
	cUsage:    "usage, use, uses, using, used, hungry, hungriest, heavy, heaviest, eating, eats, burning, hog, hogging, hogs, consuming",
	cEvents:   "event, events, happenings",
	cWarning:  "warning, warnings",
	cHappen:   "what happened, what has happened, what is happening, what happens, what was happening, going on, what went on, happen, happens, happened, happening, been happening, what is new",
	cWhy:      "any idea, any ideas, any clue, why, how come, what is wrong, what went wrong, whats wrong, wrong, ~diagnose, ~troubleshoot, debug, debugging, ~investigate, root cause, figure out, find out, what causes, what is causing, reason, explain why, look into, cause, what is up, matter, whats up, what is the problem, what is the issue, analyze, analyse",
	cTrouble:  "problem, problems, issue, issues, trouble, broken, unhealthy, not working, does not work, not healthy, not start, does not start, will not start, not starting, not come up, will not come up, is not coming up, not coming up, unresponsive, not responding, slow, stuck, keeps dying, dying, keep dying, flapping, degraded, misbehaving, hanging, acting up, sick, in trouble, erroring, outage, keeps restarting, keep restarting, not reachable, unreachable, restarting all the time, unavailable, not available, failing to start, refused, connection refused, times out, time out, timing out, timeouts, 401, 403, 500, 502, 503, 504, nothing back, not resolve, does not resolve, not answer, does not answer, not answering, does not respond, not load, does not load, will not load, not bind, does not bind, will not bind, not bound, never gets ready, never becomes ready, never fires, exited, exited with, exits with, ended with, with an error, not run for, hangs, just hangs, not stay up, will not stay up, over and over, can not reach, not reach, the actual error, the error, what blocks, something kills, something restarts, something deletes, something evicts, someone kills, somebody kills, something is killing, something keeps killing, something keeps restarting, what kills, what keeps killing, what restarts, gets killed, get killed, was killed, being killed",
	cHealth:   "healthy, ok, okay, health, down, fine, alive, up, up and running, all right, alright, working, good, in good shape, happy, well",
	cCount:    "how many, count, number of, total number, ~count, total, how much",

	cScale:     "~scale, rescale, ~double, ~triple, ~quadruple, ~halve, ~resize, set replicas, scaled",
	cUp:        "up, ~increase, ~crank up, ~lift, ~augment, ~upsize, ~enlarge, ~heighten, ~up, ~raise, ~bump, ~grow, ~boost, bump up, scale up, scale out, ~expand, ~crank, ramp up, beef up, up to, more",
	cDown:      "down, ~decrease, ~downsize, ~diminish, ~nerf, ~trim, ~lower, ~reduce, ~shrink, scale down, scale in, scale back, dial down, ~drop, cut, down to, fewer, less",
	cStop:      "~stop, shut down, turn off, switch off, take down, ~halt, shutdown, spin down, scale to zero, park, power down, power off, wind down, bring down, stop running, ~pause all",
	cRestart:   "~restart, ~bounce, ~recycle, ~reboot, ~redeploy, ~cycle, kick, rolling restart, ~reload, roll, roll out restart, rollout restart, restart rollout, ~roll-restart, ~rolling-restart, ~relaunch, do a restart, do a rolling restart, ~respin, ~rejuvenate, give a restart, give a kick, turn off and on again, ~respawn, re-deploy, re-start, roll the pods",
	cUndo:      "roll back, rollback, ~undo, ~reverse, undo the rollout, ~revert, roll it back, rolled back, rolling back, go back, back out, put back, ~restore, switch back, undone, roll them back, step back, bring back",
	cHistory:   "history, revisions, rollout history, revision history, previous versions, past versions, past revisions, deployment history, past rollouts, earlier versions",
	cRollout:   "rollout, roll out, rolling out, rolled out, rollouts",
	cStatus:    "status, state, progress, finished, done, condition, doing, progressing, complete, through, how is, how are",
	cPause:     "~pause, ~freeze, pause the rollout, hold",
	cResume:    "~resume, ~unpause, ~continue, un-pause, ~unhold, ~thaw, ~unfreeze, ~unsuspend, un-suspend, reenable, re-enable, ~enable, ~reactivate, ~activate, start again, restart again",
	cSuspend:   "~suspend, ~disable, ~deactivate, stop running, put on hold",
	cSet:       "set, ~change, ~overwrite, ~override, ~replace, ~update, ~switch, ~make, ~put, ~use, sets, setting, ~configure, ~modify, ~adjust, ~give, ~assign, ~move, ~turn, ~point, ~route, let",
	cUpgrade:   "~upgrade, ~downgrade, ~adopt, ~pin, roll forward, ~deploy, ~release, ship, roll out, ~rollout, ~update, ~bump, ~promote, push",
	cLabel:     "~label, ~stamp, ~mark, ~tag, ~labelled, labelled, labeled, labels, label",
	cAnnotate:  "~annotate, annotation, annotations",
	cExpose:    "~expose, make a service for, create a service for, make reachable, add a service for",
	cAutoscale: "~autoscale, make a horizontal autoscaler, create a horizontal autoscaler, add a horizontal autoscaler, make an autoscaler, create an autoscaler, add an autoscaler, set up an autoscaler, set up an hpa, set up autoscaling, set up a horizontal autoscaler, give an autoscaler, auto scale, auto-scale, autoscaling, create an hpa, add an hpa, make an hpa, create a hpa, horizontal autoscaling, add autoscaling",
	cCordon:    "~cordon, ~isolate, ~quarantine, mark unschedulable, unschedulable, stop scheduling, stop new pods from landing, stop new pods from being scheduled, stop new pods, no new pods, not schedule new pods, prevent scheduling, disable scheduling, stop pods from being scheduled, keep new pods off, keep pods off, prevent new pods, not schedule anything, nothing new should be scheduled, nothing should be scheduled, no pods should be scheduled, no new pods should be scheduled, out of rotation",
	cUncordon:  "~uncordon, mark schedulable, schedulable, allow scheduling, enable scheduling, schedulable again, allow pods, allow new pods, let pods, accept pods again, accept new pods, back into scheduling, take pods again, schedule again, take new pods again, take workloads again, accept workloads again, back into rotation, back in rotation, back into service, back in service, back into use, back in use, back to work, back online, resume scheduling",
	cDrain:     "~drain, ~evacuate, evict all pods, evict everything, empty, ~evict, move everything off, move all pods off, move all the pods off, move the pods off, move pods off, move everything away, clear out, take out for maintenance, for maintenance",
	cTaint:     "~taint, taints",
	cUntaint:   "~untaint, remove taint, remove the taint, delete the taint",
	cDelete:    "~delete, ~destroy, ~kill, ~wipe, ~purge, ~uninstall, get rid of, ~nuke, ~erase, tear down, ~trash, ~terminate, ~remove, ~drop, rm, del, ~eliminate, blow away, clean up, throw away, dispose of, take out, throw out, ~ditch, ~zap, toss, cleanup, ~bin, ~scrap, ~chuck, chuck out, ~axe, ~decommission, ~discard, ~retire, get shot of, do away with, ~obliterate, ~bury, ~dump from, throw in the bin, wipe out, kill off, take away",
	cRemove:    "~remove, ~unset, ~clear, ~delete, ~drop, take off, ~strip, unlabel, untag, get rid of, clear",
	cCreate:    "~create, put up, bring in, ~make, new, ~provision, spin up, ~build, set up, ~start, ~launch, ~add, ~deploy, ~generate, stand up, bring up",
	cAdd:       "~add, ~give, ~put, ~attach, ~apply, ~set, ~mark, ~stick, ~slap, ~hang, ~place, ~write, ~pin, ~tack",
	cRun:       "run, ~run, running, start, ~start, ~launch, ~deploy",
	cCanI:      "can i, may i, could i, am i allowed, do i have permission, do i have permissions, do i have the right, do i have rights, am i able, do i have access, am i permitted, allowed to, have permission, permission to, have permissions, are we allowed, can we, should i be able, would i be able, i am allowed, i can, do we have permission, is it allowed, permissions to, i may",
	cCanDo:     "which verbs can i use, what verbs can i use, which verbs may i use, which verbs do i have, which verbs can i, what can i do, what can i, what may i do, what am i allowed to do, what are my permissions, my permissions, list my permissions, my rights, what am i allowed, what rights do i have, what permissions do i have, my access, what do i have access to, everything i can do, everything i am allowed to do, permissions do i have, rights do i have, what is allowed, access do i have, all i can do, things can i do, what i can do, what i may do",
	cWhoAmI:    "who am i, whoami, which user am i, my identity, as whom am i, what user am i, what is my user, logged in as",
	cExplain:   "~explain, documentation, docs, what fields, which fields, fields, schema, document, what is a, what is an, what are the fields, api reference, reference",
	cKinds:     "short names of all resources, short names of the resources, resource short names, short names, shortnames, api resources, api-resources, resource types, resource kinds, kinds of resources, types of resources, which kinds, what kinds, resource types exist, which resources, api groups, kinds of objects, object types, crd types, what resources",
	cVersion:   "version, kubernetes version, k8s version, server version, cluster version, what version, which version",
	cTrigger:   "~trigger, run now, kick off, ~run, start now, execute, fire, start, manually, fire off, by hand, right now, one off, one-off, off schedule, immediately, a run",
	cResize:    "~expand, ~resize, ~grow, ~extend, ~enlarge, make bigger, ~increase",

	cExec:        "log in on, log on to, log in to, log me in, log me into, log me on, exec, execute, ssh, shell into, shell, bash, open a shell, get a shell, run a command, exec into, terminal, log into, log in to",
	cPortForward: "port-forward, port forward, forward port, forward ports, tunnel, portforward, forward, ~forward",
	cCopy:        "copy, cp, copy file, copy files, download, upload, ~copy",
	cPatch:       "~patch",
	cBind:        "~bind, ~grant",
	cFinalizer:   "finalizer, finalizers",
	cEdit:        "edit, ~edit, open in editor",
	cApply:       "apply -f, apply the file, apply file, kustomize, helm install, helm upgrade, helm uninstall, helm, kubectl apply, apply this yaml, apply the manifest, apply manifest",
	cSecretValue: "decode, decoded, base64, plaintext, plain text, in clear, cleartext, ~decode, in the clear, value, values, password, passwords, contents, content, reveal, decrypt",

	cReplicas:   "replica, replicas, copies, instances, copy, instance, workers, replica count, nodes of it, pods",
	cImage:      "image, images, tag, container image, version, docker image",
	cEnv:        "env, environment variable, environment variables, env var, env vars, variable, environment, envvar, env variable, variables, env variables",
	cLimit:      "limit, limits, maximum, capped, cap",
	cRequest:    "request, requests, requested",
	cCPU:        "cpu, cpus, processor, cores, millicores",
	cMemory:     "memory, mem, ram",
	cPort:       "port, ports",
	cTargetPort: "targeting, targeting port, target, to target port, forwarding to, mapping to, to container port, target port, targetport, target-port, container port, containerport, to port",
	cSvcType:    "nodeport, loadbalancer, clusterip, node port, load balancer",
	cNamed:      "named, called, name, by the name of, with the name, with name",
	cContainer:  "per-container, per container, container, containers, sidecar",
	cInit:       "init container, init containers, init-container, initcontainer, init",
	cRevision:   "revision, rev, generation",
	cMax:        "max, maximum, at most, up to, upper, maxreplicas, max replicas, and",
	cMin:        "min, minimum, at least, lower, minreplicas, min replicas, between, from",
	cFrom:       "from, based on",
	cReadAccess: "read access, read only access, permission, permissions, access",
	cRange:      "between, from, range, in the range",
	cNS:         "namespace, ns, name space",
	cSize:       "size, capacity, storage, disk, space",

	cPrevious:   "before this one, before that one, before it died, before it gave up, gave up, run before that, the run before, run before, run before this, container before, container before this one, instance before, one before that, the one before, attempt before, last attempt, dead container, previous, before the crash, last run, crashed container, previous container, previous instance, last crash, previous run, before it crashed, before it restarted, before the restart, before the last restart, prior, earlier run, last restart, previously",
	cFollow:     "follow, ~follow, stream, ~stream, live, ~watch, keep watching, continuously, real time, realtime, in real time, as they come in, keep an eye on, watch",
	cTail:       "~tail, last, lines, line, latest, final, most recent, newest, recent",
	cSince:      "since, last, past, in the last, from the last, of the last, within the last, over the last, for the last, ago, during the last, in the past, newer than",
	cTimestamps: "timestamp, timestamps, with times, with time stamps, time stamps",
	cYAML:       "yaml, yml, manifest, definition, as yaml, in yaml, full spec, yaml of, raw yaml, spec",
	cJSON:       "json, as json, in json",
	cWide:       "wide, ip and the node, ip and node, ip and its node, node and ip, node and the ip, ips and nodes, nodes and ips, ips and the nodes, the node of each, the node of every, node of each one, ip of each, ip of each one, the ip of each, with the node where, with their machines, node each, with the nodes, the node where, nodes where, node where, the nodes they, node they,  ips, ip addresses, with nodes, which node, which nodes, what node, on which node, on which nodes, on what node, what nodes, with ips, node they run on, with more details, with more columns, with more detail, more columns, nodes they run on, node placement, with their nodes, with node, with their ips, extra columns, and their nodes, and their ips",
	cNames:      "names only, only names, just names, just the names, names of, only the names, the names",
	cShowLabels: "with labels, their labels, show labels, with their labels, including labels, and labels, and their labels, labels of, including their labels, with all labels, along with labels, all labels",
	cClusterIP:  "cluster ip, clusterip, cluster-ip, internal ip, service ip",
	cIP:         "public ip, public ip address, public address, external address, external ip address, public hostname, public name, ip, ip address, address, pod ip, external ip, hostname, host name, url",
	cSchedule:   "schedule, when does, how often, timetable, next run, when will, scheduled, when is, cron expression, run next, runs",
	cAge:        "how old, age, ages, created, when was, how long, uptime, since when, creation time",

	cCrashing:   "crashing, crash, crashes, crashed, crashloop, crashlooping, crashloopbackoff, crash loop, crash looping, crash-looping, crash loops, crashloops, crash loop backoff, keep crashing, keeps crashing, crash-loop, in crashloopbackoff, in a crash loop, in crash loop, looping",
	cPending:    "pending, unscheduled, waiting to be scheduled, not scheduled, unschedulable, stuck pending, stuck in pending, waiting, not been scheduled, can not be scheduled, unbound, not bound",
	cNotReady:   "not ready, notready, unready, not-ready, is not ready, are not ready, not yet ready, not fully ready, not all ready, not become ready, not up, not available, unavailable, missing replicas",
	cReady:      "ready",
	cNotRunning: "not running, is not running, are not running, not in running state, not currently running, not in running, other than running, not in state running, except running, out of action, out of order, out of service, not alive, not in a running state",
	cRunning:    "running, run, runs, live, up, in running state, in state running",
	cFailed:     "failed, fail, failures, failure, errored, in error, error, errors, with errors, error state, in failed state",
	cFailing:    "failing, fails, unhealthy, broken, not healthy, not ok, bad, not working, having problems, in trouble, with problems, problematic, have problems, with issues, have issues, in bad shape, not okay, not fine, misbehaving, having issues, having trouble, in a bad state, bad state, wrong, stuck, erroring",
	cEvicted:    "evicted",
	cOOM:        "oom, oomkilled, oom-killed, oom killed, out of memory, ran out of memory, killed for memory, memory killed, oomkill, ooming, oom kills, run out of memory, oomed, running out of memory",
	cPull:       "imagepull, can not pull their image, can not pull its image, unable to pull their image, unable to pull its image, image pull, image pull error, image pull errors, imagepullbackoff, image pull backoff, errimagepull, can not pull, pull their image, pull its image, pulling images, pulling their image, pull image, pull images, image pull problems, failing to pull, bad image, image errors, image problems, fail to pull, pull failures, pull errors, pulled, be pulled, pull the image, pull their images, image can not be pulled",
	cCompleted:  "completed, complete, succeeded, finished, successful, done, ~complete",
	cTerm:       "terminating, being deleted, stuck terminating, stuck in terminating, stuck deleting",
	cRestarted:  "restarted, restarts, restart count, restart counts, restarting, restarted more than, number of restarts",
	cOlder:      "older, older than, more than, before, at least",
	cNewer:      "newer, younger, newer than, younger than, less than, started in the last, created in the last, in the last, within the last, from the last, recent, created today",
	cOver:       "more than, over, above, greater than, at least, exceeding, >, >=, more often than",
	cSuspended:  "suspended, paused, disabled, on hold",
	cCordoned:   "cordoned, unschedulable, scheduling disabled, not schedulable",

	cSort:       "~sort, sorted by, order by, ordered by, sort by, ranked by, ~order, ~rank, ranked, sorted, by number of, grouped by",
	cMost:       "hottest, busiest, eating, eats, eat, eaters, guzzlers, guzzling, burning, devouring, gobbling, heavy users, most, highest, top, biggest, largest, greatest, hungriest, heaviest, worst, maximum, hungry, the most, hogging, hog, hogs",
	cLeast:      "least, lowest, smallest, fewest, the least",
	cOldest:     "oldest, oldest first, by age, by creation, by creation time, by creation timestamp, by creation date, by start time",
	cNewest:     "latest first, youngest first, youngest on top, newest, newest first, most recent, latest, youngest, most recently created, recently created, last created",
	cAll:        "all, every, each, entire, whole, all the, all of the, everything",
	cEverywhere: "everywhere, all namespaces, every namespace, each namespace, any namespace, across namespaces, across all namespaces, all the namespaces, cluster-wide, clusterwide, cluster wide, across the cluster, in the whole cluster, whole cluster, entire cluster, across the whole cluster, across the entire cluster, in all namespaces, in every namespace, in any namespace, in the cluster, in this cluster, on the cluster, on this cluster, across clusters, globally, over all namespaces, in our cluster, from all namespaces, of all namespaces, in my cluster, throughout the cluster, overall, anywhere",
	cEverything: "everything that is, everything that runs, everything that lives, everything that is running, everything that is deployed, everything that is installed, everything there is, everything which runs, all that is, all that runs, all there is, whatever is, whatever runs, whatever lives, everything deployed, everything running, everything, all resources, all objects, all the resources, all things, anything, all workloads, every resource, all that, all stuff",
	cForce:      "force, forcefully, forcibly, force delete, forced, with force",
	cOrphan:     "but keep its pods alive, but keep the pods alive, keep its pods alive, keep the pods alive, keep pods alive, keep their pods alive, leave its pods alive, leave the pods alive, leave its pods, leave the pods, keep its pods, keep the pods, orphan, orphaning, without deleting its pods, without deleting the pods, leave pods running, keep pods running, keep pods, leaving its pods, leaving the pods, keeping its pods, keeping the pods, but not its pods, but not the pods, leave pods, leaving pods, without its pods, without touching its pods, cascade orphan, leave their pods, keep their pods, without killing its pods",
	cNow:        "now, immediately, right now, right away, instantly, at once, grace period 0, no grace, without grace period, without waiting, asap",
	cDryRun:     "dry run, dry-run, dryrun, preview, simulate",
	cMore:       "more, additional, extra, further, another",
	cBy:         "by",
	cInstead:    "instead, rather",
	cSame:       "same, the same, same treatment, the same treatment, same procedure, the same procedure, same operation, the same operation, same change, the same change, likewise, ditto, same thing, same again, do the same, as well, too, repeat, again",
	cAbout:      "what about, how about, and, and what about, now",
	cMake:       "make, actually, ~take, ~bring",
	cIt:         "it, its, them, they, their, that, this, those, these, that one, this one, the one, one, ones, same one",
	cNot:        "not, never, no, without, except, excluding, nobody, nothing, neither, avoid, but not, refrain",
	cNoConfirm:  "without asking for confirmation, without asking me, without asking me for confirmation, and skip the approval, skip the approval, and skip the are-you-sure thing, skip the are-you-sure thing, and skip the are-you-sure, skip the are-you-sure, and skip the question, skip the question, and spare me the question, spare me the question, without an approval, without any confirmation, do not ask, do not ask me to confirm, do not ask me, do not ask for confirmation, without asking, without confirmation, without confirming, no need to confirm, no confirmation, skip confirmation, skip the confirmation, never ask, never ask for confirmation, no questions asked, not ask me to confirm, i do not want to confirm, do not confirm, stop asking, stop asking for confirmation, auto approve, auto-approve, skip approval, without approval, do not make me confirm, do not bother asking, yes to everything, approve automatically, do not wait for approval, do not wait for me, just do it, no approval needed, do not prompt me, without prompting",
	cHow:        "should i, should we, shall i, shall we, how do i, how can i, how could i, how would i, how to, how do we, how can we, how should i, what happens if, what would happen if, what if i, is it safe to, would it be safe to, is it ok to, can i safely, do i need to, do we need to, ought i",
	cFiller:     "in a single list, in a single table, in a single view, in a single output, in a single go, in one list, in one table, in one view, in one go, in one output, all in one, side by side, from that list, from this list, from the list, until further notice, till further notice, for the time being, until i say so, until later, for a while, until tomorrow, any more, anymore, any longer, no longer needed, no longer need, do not need, not needed, is not needed, we do not need it, no longer, not used, unused anyway, not need, so that, because, for me, of mine, thank you, thanks, so much, a lot, as soon as possible, if possible, when you can, if you can, at the moment, right now, for now, at present, the following, in total, in each cluster, each cluster, per cluster, the cluster, of the cluster, from the cluster, of kubernetes, in kubernetes, one more time, got too big, good morning, good afternoon, have a nice day, cheers, much appreciated, a second, real quick, be so kind, in there, over there, a bit, a little, a few, kind of, sort of, recently, lately, happen to, in question, ago, is no longer, at all, mind, asap, urgently, urgent, the name of the",
	cWorkload:   "app, apps, application, applications, workload, workloads, thing, things, microservice, microservices, component, components, stuff, program, server, backend, system, process",
}

// stopWords carry no content of their own.
var stopWords = wordSet(`a an the this that these those my our your their his her me us you i we they he she it its them theirs is are was were
be been being am do does did has have had having will would can could shall should may might must to of in on at for from by with about
into onto over under as than so and or but also just please pls plz kindly thanks thank ok okay hey hi hello there here then today
currently right again any some such very really quickly quick maybe perhaps actually only still already yet too per what which who whom
whose when where how want wants need needs needed like know lets go got ahead would mind wish possible able cluster kubernetes k8s hello morning guys
everyone folks one ones us both out off up down much many lot bit little now exactly give gives given well sure yes yeah yep hm hmm um uh oh yo hiya ping ho folk
dear sir madam buddy mate friend kubechat afternoon evening let ask asked belonging belong belongs
whether which's inside within via during own each other else kind type types sort thing things its ever themselves itself itself because since them
called named name names namespace namespaces find look looking try trying help us going goes gone come comes coming keep keeps kept getting
gets says say said means something somebody someone anyone anybody everybody live lives`)

// weightless concepts: a token that only has these is content of no weight even if no frame uses it.
var weightless = map[concept]bool{cPrints: true, cGrants: true, cGeneric: true, cAsk: true, cFiller: true, cNoConfirm: true, cIt: true, cHow: true}

func wordSet(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// lexicon is lexiconTable by its first word: phrases, longest first.
type phrase struct {
	words []string
	c     concept
}

var lexicon, lexiconWords = buildLexicon()

func buildLexicon() (map[string][]phrase, []string) {
	byFirst := map[string][]phrase{}
	words := map[string]bool{}
	table := map[concept]string{}
	for _, part := range []map[concept]string{lexiconTable, lexiconReading, {cPull: pullPhrases()}} {
		for c, line := range part {
			table[c] += "," + line
		}
	}
	for c, line := range table {
		seen := map[string]bool{}
		for _, entry := range strings.Split(line, ",") {
			entry = strings.TrimSpace(entry)
			forms := []string{entry}
			if strings.HasPrefix(entry, "~") {
				forms = verbForms(entry[1:])
			}
			for _, f := range forms {
				if seen[f] || f == "" {
					continue
				}
				seen[f] = true
				ws := strings.Fields(f)
				byFirst[ws[0]] = append(byFirst[ws[0]], phrase{ws, c})
				for _, w := range ws {
					words[w] = true
				}
			}
		}
	}
	for _, ps := range byFirst {
		sort.Slice(ps, func(i, j int) bool {
			if len(ps[i].words) != len(ps[j].words) {
				return len(ps[i].words) > len(ps[j].words)
			}
			if a, b := strings.Join(ps[i].words, " "), strings.Join(ps[j].words, " "); a != b {
				return a < b
			}
			return ps[i].c < ps[j].c
		})
	}
	list := make([]string, 0, len(words))
	for w := range words {
		if len(w) >= 4 {
			list = append(list, w)
		}
	}
	sort.Strings(list)
	return byFirst, list
}

// verbForms are the regular forms of an English verb.
func verbForms(v string) []string {
	out := []string{v}
	last := v[len(v)-1]
	switch {
	case last == 'e':
		out = append(out, v+"s", v+"d", v[:len(v)-1]+"ing")
	case last == 'y' && !strings.ContainsRune("aeiou", rune(v[len(v)-2])):
		out = append(out, v[:len(v)-1]+"ies", v[:len(v)-1]+"ied", v+"ing")
	case last == 's' || last == 'x' || last == 'h' || last == 'z':
		out = append(out, v+"es", v+"ed", v+"ing")
	default:
		out = append(out, v+"s", v+"ed", v+"ing")
		if len(v) >= 3 && strings.ContainsRune("bdgmnpt", rune(last)) && strings.ContainsRune("aeiou", rune(v[len(v)-2])) && !strings.ContainsRune("aeiou", rune(v[len(v)-3])) {
			out = append(out, v+string(last)+"ed", v+string(last)+"ing")
		}
	}
	return out
}
