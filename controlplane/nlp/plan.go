// Package nlp turns words about a cluster into a typed plan, with no network, no model and no guess that is not said.
// It knows the cluster only through a Vocabulary. Everything that executes is a Plan; the kubectl text that people
// read is rendered from it and is never parsed back on the way to the cluster. Start at Translator.Translate.
package nlp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Class is how dangerous a plan is, computed from the plan, never from its wording.
type Class string

// The classes. Refuse and Clarify have no plan.
const (
	Read        Class = "read"
	Mutate      Class = "mutate"
	Destructive Class = "destructive"
	Refuse      Class = "refuse"
	Clarify     Class = "clarify"
)

// Op is one of a closed list of things a step can do.
type Op string

// The operations: reads, then changes, then what destroys.
const (
	OpGet            Op = "get" // one, several by name, or a list by selector
	OpDescribe       Op = "describe"
	OpLogs           Op = "logs"
	OpTop            Op = "top"
	OpEvents         Op = "events"
	OpExplain        Op = "explain"
	OpAPIResources   Op = "apiResources"
	OpVersion        Op = "version"
	OpCanI           Op = "canI"
	OpWhoAmI         Op = "whoAmI"
	OpClusterInfo    Op = "clusterInfo" // where the API server and the services of the cluster itself are
	OpRolloutStatus  Op = "rolloutStatus"
	OpRolloutHistory Op = "rolloutHistory"
	OpDiagnose       Op = "diagnose"
	OpWait           Op = "wait"   // until a condition holds, or the objects are gone
	OpDryRun         Op = "dryRun" // what a change would do, by the API server's word; Args.Verb is the change's Op: see Step.Tried

	OpCreate            Op = "create"
	OpScale             Op = "scale"
	OpSetImage          Op = "setImage"
	OpSetEnv            Op = "setEnv"
	OpSetResources      Op = "setResources"
	OpSetServiceAccount Op = "setServiceAccount"
	OpSetSelector       Op = "setSelector" // of a Service
	OpExec              Op = "exec"        // one program in one container, without a terminal
	OpLabel             Op = "label"
	OpAnnotate          Op = "annotate"
	OpExpose            Op = "expose"
	OpAutoscale         Op = "autoscale"
	OpPatch             Op = "patch"
	OpRolloutUndo       Op = "rolloutUndo"
	OpRolloutRestart    Op = "rolloutRestart"
	OpRolloutPause      Op = "rolloutPause"
	OpRolloutResume     Op = "rolloutResume"
	OpCordon            Op = "cordon"
	OpUncordon          Op = "uncordon"
	OpTaint             Op = "taint"

	OpDelete           Op = "delete"
	OpDeleteCollection Op = "deleteCollection"
	OpDrain            Op = "drain"
	OpEvict            Op = "evict"           // pods, as a drain does: disruption budgets are heeded
	OpRemoveFinalizers Op = "patchFinalizers" // all of them
	OpReplaceForce     Op = "replaceForce"    // delete, then create anew
)

// DiagnoseChanges is the Type of a diagnose step that tells what was changed, not what is wrong.
const DiagnoseChanges = "changes"

// Resource is a kind as the API server names it.
type Resource struct {
	Group      string `json:"group"` // "" is the core group
	Version    string `json:"version"`
	Plural     string `json:"resource"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced"`
}

// Who made a plan: its Source, or how that begins.
const (
	SourceBuiltin = "builtin" // this package
	SourceModel   = "llm:"    // and the name of the tenant's own model
	SourceMCP     = "mcp:"    // and that of an assistant outside of the service
)

// Plan is what a person approves and what runs: data, never shell text.
type Plan struct {
	Cluster string `json:"cluster"` // the cluster's id; empty when translating for one kubeconfig
	Steps   []Step `json:"steps"`
	Class   Class  `json:"class"`
	Source  string `json:"source"` // SourceBuiltin, or one of the others and a name
}

// Step is one operation on one kind of object. Only the fields its Op needs are set.
type Step struct {
	Op            Op         `json:"op"`
	Resource      Resource   `json:"resource"`
	Also          []Resource `json:"also,omitempty"`      // OpGet: further kinds listed along; with Plural "all", the kinds it stands for
	Namespace     string     `json:"namespace,omitempty"` // empty for cluster-scoped kinds and with AllNamespaces
	AllNamespaces bool       `json:"allNamespaces,omitempty"`
	Names         []string   `json:"names,omitempty"`
	LabelSelector string     `json:"labelSelector,omitempty"`
	FieldSelector string     `json:"fieldSelector,omitempty"`
	Subresource   string     `json:"subresource,omitempty"`
	Container     string     `json:"container,omitempty"`
	Args          Args       `json:"args"`
	Post          Post       `json:"post"`
	Class         Class      `json:"class"`
}

// Kinds are the kinds a step touches: Resource and Also, or only Also when Resource is the category "all".
func (s Step) Kinds() []Resource {
	if s.Resource.Plural == CategoryAll {
		return s.Also
	}
	return append([]Resource{s.Resource}, s.Also...)
}

// CategoryAll is the Plural of the category that kubectl calls "all".
const CategoryAll = "all"

// Args are the typed arguments of the operations. Which Op reads which:
// scale Replicas (Current is what it was, for the sentence and the undo), OnlyAt; setImage Images; setEnv Env, Remove, Container;
// setResources Requests, Limits, Container; label and annotate Set, Remove, Overwrite; taint Set ("key" -> "value:Effect", several of one
// key after commas), Remove ("key", "key:Effect" or "key=value:Effect"); expose Port, TargetPort, Type, NewName; autoscale Min, Max, CPUPercent; patch PatchType, Patch;
// rolloutUndo and rolloutHistory Revision; setServiceAccount ServiceAccount; setSelector Set; exec Command, Container;
// wait Condition, Timeout; replaceForce Object (empty: the object as it is); logs Tail, Since, Previous, Timestamps, Follow, AllContainers; delete GracePeriod,
// Force, Cascade; drain GracePeriod, Force, IgnoreDaemonSets, DeleteEmptyDir; create Object, or From and NewName (a Job from a CronJob); canI Verb (empty: list all rules), Subject; dryRun Verb (the Op that is tried out), and what that Op reads; apiResources Type ("namespaced", "cluster" or empty), its group in Resource.Group; explain Path;
// get and describe Output, ShowLabels, LabelColumns, Follow (watch); events Type ("Warning" or empty); diagnose Type (empty or DiagnoseChanges), Since.
type Args struct {
	Replicas   *int32            `json:"replicas,omitempty"`
	Current    *int32            `json:"current,omitempty"` // replicas when the plan was made
	OnlyAt     *int32            `json:"onlyAt,omitempty"`  // replicas there have to be, or nothing is changed
	Images     map[string]string `json:"images,omitempty"`  // container -> image; "*" is the only one
	Env        map[string]string `json:"env,omitempty"`
	Requests   map[string]string `json:"requests,omitempty"`
	Limits     map[string]string `json:"limits,omitempty"`
	Set        map[string]string `json:"set,omitempty"`    // labels, annotations or taints to set
	Remove     []string          `json:"remove,omitempty"` // keys to remove
	Overwrite  bool              `json:"overwrite,omitempty"`
	Port       int32             `json:"port,omitempty"`
	TargetPort string            `json:"targetPort,omitempty"`
	Type       string            `json:"type,omitempty"`
	NewName    string            `json:"newName,omitempty"`
	Min        int32             `json:"min,omitempty"`
	Max        int32             `json:"max,omitempty"`
	CPUPercent int32             `json:"cpuPercent,omitempty"`
	Revision   int64             `json:"revision,omitempty"`

	ServiceAccount string        `json:"serviceAccount,omitempty"`
	Command        []string      `json:"command,omitempty"`   // program and arguments; no shell reads them
	Condition      string        `json:"condition,omitempty"` // "condition=Ready", "jsonpath={...}=x", "create" or "delete"
	Timeout        time.Duration `json:"timeout,omitempty"`   // of wait; 0 is DefaultWait

	Tail          *int64          `json:"tail,omitempty"`
	Since         time.Duration   `json:"since,omitempty"`
	Previous      bool            `json:"previous,omitempty"`
	Timestamps    bool            `json:"timestamps,omitempty"`
	Follow        bool            `json:"follow,omitempty"`
	AllContainers bool            `json:"allContainers,omitempty"`
	PatchType     string          `json:"patchType,omitempty"`
	Patch         json.RawMessage `json:"patch,omitempty"`
	Object        json.RawMessage `json:"object,omitempty"`  // for create
	From          string          `json:"from,omitempty"`    // for create: "cronjob/NAME"
	Verb          string          `json:"verb,omitempty"`    // for canI
	Subject       string          `json:"subject,omitempty"` // for canI: the user who would do it; empty is the asker
	Path          string          `json:"path,omitempty"`    // for explain
	Output        string          `json:"output,omitempty"`  // "", "wide", "yaml", "json", "name", "jsonpath=..."
	ShowLabels    bool            `json:"showLabels,omitempty"`
	LabelColumns  []string        `json:"labelColumns,omitempty"` // keys of labels that get a column each
	GracePeriod   *int64          `json:"gracePeriod,omitempty"`
	Force         bool            `json:"force,omitempty"`
	Cascade       string          `json:"cascade,omitempty"` // "", "orphan", "foreground"

	// of drain: without them it is refused where such pods are
	IgnoreDaemonSets bool `json:"ignoreDaemonSets,omitempty"`
	DeleteEmptyDir   bool `json:"deleteEmptyDir,omitempty"`
}

// DefaultWait is how long a wait lasts that says nothing about it, MaxWait the longest there is.
const (
	DefaultWait = 30 * time.Second
	MaxWait     = 10 * time.Minute
)

// Post is what is done with the rows of a read, by us, after the server answered.
type Post struct {
	Filter []Filter `json:"filter,omitempty"`
	Sort   string   `json:"sort,omitempty"` // a JSONPath such as ".status.startTime", or "cpu", "memory", "restarts"
	Desc   bool     `json:"desc,omitempty"`
	Count  bool     `json:"count,omitempty"`
	Top    int      `json:"top,omitempty"`
}

// Filter keeps the rows for which Test holds; what the API's selectors cannot say.
type Filter struct {
	Test  string `json:"test"` // one of the Test constants
	Value string `json:"value,omitempty"`
}

// The tests a Filter can make. Value is empty unless said.
const (
	TestCrashing     = "crashing"  // a container waits in CrashLoopBackOff, or last ended in error and restarts
	TestUnhealthy    = "unhealthy" // anything but ready or completed
	TestNotReady     = "notReady"  // the Ready (node, pod) condition or replica count is short
	TestReady        = "ready"
	TestFailed       = "failed"  // Job or Pod that failed
	TestPending      = "pending" // phase Pending, for kinds without a phase field selector (PVC)
	TestEvicted      = "evicted"
	TestOOMKilled    = "oomKilled"   // a container's state or last state is OOMKilled
	TestImagePull    = "imagePull"   // ErrImagePull, ImagePullBackOff, InvalidImageName
	TestTerminating  = "terminating" // deletionTimestamp is set
	TestCompleted    = "completed"
	TestRestartsOver = "restartsOver"  // Value: a number; the sum over containers is greater
	TestOlderThan    = "olderThan"     // Value: a duration, such as "24h0m0s"
	TestNewerThan    = "newerThan"     // Value: a duration
	TestSuspended    = "suspended"     // spec.suspend is true
	TestCordoned     = "cordoned"      // spec.unschedulable is true
	TestName         = "nameContains"  // Value: part of the name
	TestImage        = "imageContains" // Value: part of a container's image
)

// Hash identifies exactly this plan: the approval is bound to it. Equal plans have equal hashes.
func (p Plan) Hash() string {
	b, err := json.Marshal(p) // maps are sorted by key, so equal plans have equal bytes
	if err != nil {
		panic(fmt.Sprintf("nlp: a plan always marshals: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
