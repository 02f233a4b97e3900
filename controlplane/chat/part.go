package chat

// Part is one piece of an answer: one of Table, Text, Log, YAML, Finding, Count.
type Part interface{ partType() EventType }

// Column is a table's column. Kind is "text", "age", "number" or "status".
type Column struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Table is rows of what the cluster answered. Cells are plain text, numbers or null. When Clusters is set, column 0 names
// the cluster of each row.
type Table struct {
	Title     string     `json:"title"`
	Columns   []Column   `json:"columns"`
	Rows      [][]any    `json:"rows"`
	Truncated bool       `json:"truncated,omitempty"`
	Namespace string     `json:"namespace,omitempty"`
	Objects   []string   `json:"objects,omitempty"`  // one per row, "kind/namespace/name", "" where a row is no object
	Sort      *TableSort `json:"sort,omitempty"`     // how the rows are sorted, where somebody asked for it
	Clusters  []string   `json:"clusters,omitempty"` // the names of those that answered
	Missing   []Missing  `json:"missing,omitempty"`  // and those that did not
}

// TableSort says which column the rows are sorted by.
type TableSort struct {
	Column string `json:"column"`
	Desc   bool   `json:"desc,omitempty"`
}

// Missing is a cluster that gave no answer, by name.
type Missing struct {
	Cluster string `json:"cluster"`
	Why     string `json:"why"`
}

// Count is the answer to "how many". Of is how many were looked at, when fewer than all count; else it is Count.
type Count struct {
	Count      int            `json:"count"`
	Of         int            `json:"of"`
	What       string         `json:"what"` // "pods in shop that are crashing"
	PerCluster []ClusterCount `json:"perCluster,omitempty"`
	Missing    []Missing      `json:"missing,omitempty"`
}

// ClusterCount is one cluster's share of a count, by the cluster's name.
type ClusterCount struct {
	Cluster string `json:"cluster"`
	Count   int    `json:"count"`
}

// Text is plain text, never markup.
type Text struct {
	Text string `json:"text"`
}

// Log is lines of one container. With Follow, later logs of the same pod and container append to it.
type Log struct {
	Lines     []string `json:"lines"`
	Container string   `json:"container"`
	Pod       string   `json:"pod"`
	Follow    bool     `json:"follow,omitempty"`
}

// YAML is an object, or several, without Secret values.
type YAML struct {
	Text string `json:"text"`
}

// Finding is one thing the diagnosis found.
type Finding struct {
	ID       string     `json:"id,omitempty"` // "F1", "F2"…: unique within its run; the run gives it
	Object   string     `json:"object"`
	Reason   string     `json:"reason"`
	Severity string     `json:"severity"`
	Text     string     `json:"text"`
	Cause    string     `json:"cause,omitempty"` // the likely one
	Evidence []Evidence `json:"evidence"`
	Next     string     `json:"next"`
	Fix      *Fix       `json:"fix,omitempty"`
	Related  []string   `json:"related,omitempty"` // objects that the trouble spreads to, or comes from
}

// Evidence is what a finding rests on: a field of an object with its value, or a line of a log (Path "log").
type Evidence struct {
	Path   string `json:"path"`
	Value  string `json:"value"`
	Object string `json:"object,omitempty"` // "" is the finding's own
}

// String is the evidence on one line.
func (e Evidence) String() string {
	s := e.Path
	if e.Value != "" {
		s += ": " + e.Value
	}
	if e.Object != "" {
		s += " (" + e.Object + ")"
	}
	return s
}

// Fix offers to mend what a finding is about: asking its Text proposes the plan.
type Fix struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

func (Count) partType() EventType   { return TypeCount }
func (Table) partType() EventType   { return TypeTable }
func (Text) partType() EventType    { return TypeText }
func (Log) partType() EventType     { return TypeLog }
func (YAML) partType() EventType    { return TypeYAML }
func (Finding) partType() EventType { return TypeFinding }
