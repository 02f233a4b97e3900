package chat

// ScopeData says what an answer is about, so that a person sees at a glance what "it" was taken to mean.
type ScopeData struct {
	Clusters      []ClusterRef  `json:"clusters"`
	Namespace     string        `json:"namespace,omitempty"`
	AllNamespaces bool          `json:"allNamespaces,omitempty"`
	Objects       []string      `json:"objects,omitempty"` // "deployment/checkout"
	Choices       []ScopeChoice `json:"choices,omitempty"`
}

// ScopeChoice is another scope for the same question: Text is what to ask for it.
type ScopeChoice struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// ExplainData says how the words became a plan, and what the plan means for the cluster.
type ExplainData struct {
	Source   string           `json:"source"` // "builtin"; "llm:" and the model; "mcp:" and the assistant
	Words    []ExplainWords   `json:"words"`
	Requests []ExplainRequest `json:"requests"`
	Rights   []ExplainRight   `json:"rights"`
	Flags    []ExplainFlag    `json:"flags"`
}

// ExplainWords says which words became which part of the plan.
type ExplainWords struct {
	Words string `json:"words"`
	As    string `json:"as"`
}

// ExplainRequest is one request to the cluster's API server. A name that is only known when it is sent is "{name}".
type ExplainRequest struct {
	Step   int    `json:"step"`
	Method string `json:"method"`
	Path   string `json:"path"`
}

// ExplainRight is one right of the cluster's RBAC that a request needs.
type ExplainRight struct {
	Verb      string `json:"verb"`
	Resource  string `json:"resource"` // plural[.group][/subresource]
	Namespace string `json:"namespace,omitempty"`
}

// ExplainFlag says what one flag of the kubectl line means.
type ExplainFlag struct {
	Flag    string `json:"flag"`
	Meaning string `json:"meaning"`
}

// ProgressData is one line of what happens after a change.
type ProgressData struct {
	Step    int    `json:"step"`
	Message string `json:"message"`
}

// SettledData is the verdict on a change, watched for after it. State is "ready", "stalled" or "unknown".
type SettledData struct {
	Step    int          `json:"step"`
	State   SettledState `json:"state"`
	Message string       `json:"message"`
}

// UndoData says whether the run can be undone, and what to ask for that.
type UndoData struct {
	Available bool   `json:"available"`
	Sentence  string `json:"sentence,omitempty"` // what undoing would do
	Text      string `json:"text,omitempty"`     // what to ask: "undo that"
	Why       string `json:"why,omitempty"`      // why it cannot be undone
}

// ToolData is one look into the cluster that a model took. Args and Summary are for people.
type ToolData struct {
	Name    string `json:"name"`
	Args    string `json:"args"`
	Summary string `json:"summary"`
}

// AnswerDelta is more text of an answer that is being written.
type AnswerDelta struct {
	Text string `json:"text"`
}

// AnswerData is a model's whole answer. A sentence that cites no evidence of this run is not verified.
type AnswerData struct {
	Sentences []AnswerSentence `json:"sentences"`
	Model     string           `json:"model"`
}

// AnswerSentence is one sentence with the ids of the findings, or tool results, that it rests on.
type AnswerSentence struct {
	Text     string   `json:"text"`
	Evidence []string `json:"evidence,omitempty"`
	Verified bool     `json:"verified"`
}

// UsageData is what a turn with a model took, and what is left of the tenant's budget for the day.
type UsageData struct {
	Model        string      `json:"model"`
	InputTokens  int64       `json:"inputTokens"`
	OutputTokens int64       `json:"outputTokens"`
	CostMicros   int64       `json:"costMicros"` // millionths of the currency unit
	Budget       UsageBudget `json:"budget"`
}

// UsageBudget is in tokens, or in money where the tenant limits that. Limit 0 is none.
type UsageBudget struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit"`
}

// BannerData says that something stands in for what should have answered.
type BannerData struct {
	Kind    string `json:"kind"` // BannerModelAway, BannerBudget…
	Message string `json:"message"`
}

// The kinds of banners.
const (
	BannerModelAway = "model_away" // the model did not answer; the built-in translator did
	BannerBudget    = "budget"     // the tenant's budget for the model is used up
)
