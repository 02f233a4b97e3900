package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Event is one thing that happened in a run.
type Event struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Type    chat.EventType  `json:"type"`
	Cluster cluster.ID      `json:"cluster,omitempty"`
	Data    json.RawMessage `json:"data"`
}

func viewEvent(e chat.Event) Event { return Event{e.Seq, e.At.UTC(), e.Type, e.Cluster, e.Data} }

// eventData says which data belongs to which type, for the description of the API.
var eventData = []struct {
	kind chat.EventType
	data any
}{
	{chat.TypeAccepted, chat.AcceptedData{}}, {chat.TypeClarify, chat.ClarifyData{}}, {chat.TypeRefused, chat.RefusedData{}},
	{chat.TypePlan, chat.PlanView{}}, {chat.TypeAccess, chat.AccessData{}}, {chat.TypeDiff, chat.DiffData{}},
	{chat.TypeApproval, chat.ApprovalData{}}, {chat.TypeApproved, chat.DecidedData{}}, {chat.TypeDeclined, chat.DecidedData{}},
	{chat.TypeExpired, chat.ExpiredData{}}, {chat.TypeStarted, chat.StartedData{}}, {chat.TypeTable, chat.Table{}},
	{chat.TypeText, chat.Text{}}, {chat.TypeLog, chat.Log{}}, {chat.TypeYAML, chat.YAML{}}, {chat.TypeFinding, chat.Finding{}},
	{chat.TypeResult, chat.ResultData{}}, {chat.TypeError, chat.ErrorData{}}, {chat.TypeEnd, chat.EndData{}},
	{chat.TypeScope, chat.ScopeData{}}, {chat.TypeExplain, chat.ExplainData{}}, {chat.TypeCount, chat.Count{}},
	{chat.TypeProgress, chat.ProgressData{}}, {chat.TypeSettled, chat.SettledData{}}, {chat.TypeUndo, chat.UndoData{}},
	{chat.TypePlanEnd, chat.EndData{}}, {chat.TypePruned, chat.PrunedData{}}, {chat.TypeTool, chat.ToolData{}}, {chat.TypeAnswerDelta, chat.AnswerDelta{}},
	{chat.TypeAnswer, chat.AnswerData{}}, {chat.TypeUsage, chat.UsageData{}}, {chat.TypeBanner, chat.BannerData{}},
}

// Schema describes an event as one of its types, so that generated clients can tell them apart.
func (Event) Schema(r huma.Registry) *huma.Schema {
	one := &huma.Schema{OneOf: []*huma.Schema{}}
	for _, e := range eventData {
		t := reflect.TypeOf(e.data)
		one.OneOf = append(one.OneOf, &huma.Schema{
			Type: huma.TypeObject, Required: []string{"seq", "at", "type", "data"}, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{
				"seq":     {Type: huma.TypeInteger, Format: "int64"},
				"at":      {Type: huma.TypeString, Format: "date-time"},
				"type":    {Type: huma.TypeString, Enum: []any{string(e.kind)}},
				"cluster": {Type: huma.TypeString, Description: "In a run that changes several clusters: whose plan this belongs to."},
				"data":    r.Schema(t, true, t.Name()),
			},
		})
	}
	return one
}

type runEventsInput struct {
	RunPath
	After       int64  `query:"after" minimum:"0" doc:"Only what came after this seq."`
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"The same, as a browser's reconnection says it."`
}

type streamOutput struct {
	Body func(huma.Context)
}

func (a *API) registerRunEvents() {
	member(a, op{
		id: "stream-run", method: http.MethodGet, path: "/runs/{id}/events", tag: "chat", action: tenant.Ask,
		summary: "A run's events as they happen, ending after `end`",
	}, a.streamRun)
	a.describeStream("/t/{t}/runs/{id}/events", Event{}, "Event name: the event's type; id: its seq; data: the event.")
}

func (a *API) streamRun(ctx context.Context, scope tenant.Scope, in *runEventsInput) (*streamOutput, error) {
	after := cursor(in.After, in.LastEventID)
	ctx, cancel, err := a.streamOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	events, err := a.runEvents(ctx, scope, in.ID, after)
	if err != nil {
		cancel()
		return nil, err
	}
	return &streamOutput{func(hc huma.Context) {
		defer cancel()
		_, w := humachi.Unwrap(hc)
		s, err := openStream(w)
		if err == nil {
			err = pump(ctx, a, s, events, a.checker(scope), func(e chat.Event) (bool, error) {
				return e.Type != chat.TypeEnd, s.event(e.Seq, string(e.Type), viewEvent(e))
			})
		}
		a.streamEnded(ctx, err)
	}}, nil
}

// streamOf admits one more event stream of the login. What ends it must be called.
func (a *API) streamOf(ctx context.Context, scope tenant.Scope) (context.Context, context.CancelFunc, error) {
	done := a.streams.Take(scope.Login)
	if done == nil {
		return nil, nil, problem.New(problem.Limited, "This login follows too many things at once.").WithCode("too_many_streams").
			WithFix("Close some pages.").WithRetryAfter(5 * time.Second)
	}
	ctx, cancel := context.WithCancel(ctx)
	return ctx, func() { cancel(); done() }, nil
}

// runEvents is closed at once for a reader who has seen the end already: nothing will ever follow it.
func (a *API) runEvents(ctx context.Context, scope tenant.Scope, id chat.RunID, after int64) (<-chan chat.Event, error) {
	if after > 0 {
		run, _, err := a.chat.GetRun(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		if run.State.Final() && after >= run.LastSeq {
			none := make(chan chat.Event)
			close(none)
			return none, nil
		}
	}
	return a.chat.Events(ctx, scope, id, after)
}

func (a *API) registerEvents() {
	member(a, op{
		id: "stream-tenant", method: http.MethodGet, path: "/events", tag: "tenant", action: tenant.ReadClusters,
		summary: "What changes in the organisation, as it changes",
	}, a.streamTenant)
	a.describeStream("/t/{t}/events", Cluster{}, "`cluster` carries a cluster as it is now; `resync` means: list again.")
}

func (a *API) streamTenant(ctx context.Context, scope tenant.Scope, _ *InTenant) (*streamOutput, error) {
	ctx, cancel, err := a.streamOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	changes, err := a.clusters.Watch(ctx, scope)
	if err != nil {
		cancel()
		return nil, err
	}
	return &streamOutput{func(hc huma.Context) {
		defer cancel()
		_, w := humachi.Unwrap(hc)
		s, err := openStream(w)
		if err == nil {
			err = s.event(0, "resync", struct{}{}) // what changed while nobody listened
		}
		if err == nil {
			err = pump(ctx, a, s, changes, a.checker(scope), func(c cluster.Change) (bool, error) {
				return true, a.sendChange(ctx, s, scope, c)
			})
		}
		a.streamEnded(ctx, err)
	}}, nil
}

func (a *API) sendChange(ctx context.Context, s *stream, scope tenant.Scope, c cluster.Change) error {
	if c.Resync {
		return s.event(0, "resync", struct{}{})
	}
	group, err := a.clusters.Group(ctx, scope, c.Cluster.ID)
	if err != nil {
		return err
	}
	return s.event(0, "cluster", viewCluster(c.Cluster, group))
}

// awayFor is how long an open stream outlives a database that cannot be asked whether its login still holds.
const awayFor = time.Minute

// checker ends a stream whose login has ended. A database that is away for a moment is no reason to.
func (a *API) checker(scope tenant.Scope) func(context.Context) error {
	held := a.now()
	return func(ctx context.Context) error {
		err := a.signIn.Check(ctx, scope)
		if err == nil {
			held = a.now()
		}
		if err != nil && !problem.Is(err, problem.Unauthenticated) && a.now().Sub(held) < awayFor {
			return nil
		}
		return err
	}
}

func (a *API) streamEnded(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		a.log.DebugContext(ctx, "event stream ended", "request", RequestID(ctx), "cause", err)
	}
}

// describeStream says what an event stream carries; huma can't know.
func (a *API) describeStream(path string, data any, about string) {
	ok := a.huma.OpenAPI().Paths[path].Get.Responses["200"]
	t := reflect.TypeOf(data)
	ok.Description = about
	ok.Content = map[string]*huma.MediaType{eventStream: {
		Schema: &huma.Schema{
			Type: huma.TypeString,
			Extensions: map[string]any{
				"x-event-data": map[string]any{"$ref": a.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name()).Ref},
			},
		},
	}}
}
