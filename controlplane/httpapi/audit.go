package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Audit is what was done by whom: package audit.
type Audit interface {
	List(ctx context.Context, scope tenant.Scope, q audit.Query) (audit.Page, error)
}

// Actor is who did something.
type Actor struct {
	ID    tenant.MemberID `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Email string          `json:"email,omitempty"`
	Type  string          `json:"type,omitempty" doc:"member, agent or service"`
}

// AuditRecord is one thing that was done, is about to be done, or was read.
type AuditRecord struct {
	ID          string           `json:"id"`
	At          time.Time        `json:"at"`
	Kind        audit.Kind       `json:"kind" enum:"intent,result,read,admin"`
	IntentID    audit.IntentID   `json:"intentId,omitempty" doc:"Of a result: which intent it ends."`
	Actor       Actor            `json:"actor"`
	Surface     tenant.Via       `json:"surface,omitempty" enum:"web,token,slack,mcp,job" doc:"The door it came through: a browser, an API token, Slack, an assistant that uses a token (kubechat mcp), or the service itself."`
	Cluster     *chat.ClusterRef `json:"cluster,omitempty"`
	Verb        string           `json:"verb,omitempty"`
	APIGroup    string           `json:"apiGroup,omitempty"`
	Resource    string           `json:"resource,omitempty" doc:"With its subresource after a slash."`
	Namespace   string           `json:"namespace,omitempty"`
	Name        string           `json:"name,omitempty"`
	Path        string           `json:"path,omitempty" doc:"Of what is no resource."`
	Action      string           `json:"action,omitempty" doc:"Of a change to the organisation itself."`
	Command     string           `json:"command,omitempty"`
	Outcome     audit.Outcome    `json:"outcome,omitempty" enum:"succeeded,failed,denied,unknown" doc:"Absent while it is not known yet."`
	HTTPStatus  int              `json:"httpStatus,omitempty"`
	Detail      string           `json:"detail,omitempty"`
	DurationMs  int64            `json:"durationMs,omitempty"`
	RequestID   string           `json:"requestId,omitempty"`
	RunID       string           `json:"runId,omitempty"`
	ApprovedBy  *Actor           `json:"approvedBy,omitempty"`
	MemberGroup cluster.Group    `json:"group,omitempty" doc:"What the actor was in the cluster then."`
}

type auditInput struct {
	InTenant
	After   string          `query:"after" maxLength:"200"`
	Limit   int             `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cluster cluster.ID      `query:"cluster" maxLength:"64"`
	Member  tenant.MemberID `query:"member" maxLength:"64"`
	Kind    audit.Kind      `query:"kind" enum:"intent,result,read,admin"`
}

func (a *API) registerAudit() {
	member(a, op{
		id: "list-audit", method: http.MethodGet, path: "/audit", tag: "audit", action: tenant.ReadOwnAudit,
		summary: "What was done by whom, the newest first; one's own for those who are no admin",
	}, a.listAudit)
}

func (a *API) listAudit(ctx context.Context, scope tenant.Scope, in *auditInput) (*body[list[AuditRecord]], error) {
	page, err := a.audit.List(ctx, scope, audit.Query{
		After: in.After, Limit: in.Limit, Cluster: in.Cluster, Member: in.Member, Kind: in.Kind,
	})
	if err != nil {
		return nil, err
	}
	people, err := a.people(ctx, scope, page)
	if err != nil {
		return nil, err
	}
	out := listOf(page.Records, func(r audit.Record) AuditRecord { return viewRecord(r, people) })
	out.Body.Next = page.Next
	return out, nil
}

// people names the approvers, where the caller may see names.
func (a *API) people(ctx context.Context, scope tenant.Scope, page audit.Page) (map[tenant.MemberID]account.Member, error) {
	people := map[tenant.MemberID]account.Member{scope.Member: {ID: scope.Member, Name: scope.Name, Email: scope.Email}}
	for _, r := range page.Records {
		if r.ApprovedBy == "" || people[r.ApprovedBy].ID != "" || !scope.Can(tenant.ReadMembers) {
			continue
		}
		members, err := a.accounts.List(ctx, scope)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			people[m.ID] = m
		}
		break
	}
	return people, nil
}

func viewRecord(r audit.Record, people map[tenant.MemberID]account.Member) AuditRecord {
	v := AuditRecord{
		ID: r.ID, At: r.At.UTC(), Kind: r.Kind, IntentID: r.IntentID,
		Actor: Actor{r.Actor.ID, r.Actor.Name, r.Actor.Email, r.Actor.Type}, Surface: r.Via,
		Verb: r.Target.Verb, APIGroup: r.Target.APIGroup, Resource: r.Target.Resource, Namespace: r.Target.Namespace,
		Name: r.Target.Name, Path: r.Target.Path, Action: r.Action, Command: r.Command, Outcome: r.Outcome,
		HTTPStatus: r.HTTPStatus, Detail: r.Detail, DurationMs: r.Duration.Milliseconds(), RequestID: r.RequestID,
		RunID: r.RunID, MemberGroup: r.K8sGroup,
	}
	if r.Target.Subresource != "" {
		v.Resource = strings.Join([]string{r.Target.Resource, r.Target.Subresource}, "/")
	}
	if r.Target.Cluster != "" {
		v.Cluster = &chat.ClusterRef{ID: r.Target.Cluster, Name: r.ClusterName}
	}
	if r.ApprovedBy != "" {
		p := people[r.ApprovedBy]
		v.ApprovedBy = &Actor{ID: r.ApprovedBy, Name: p.Name, Email: p.Email, Type: "member"}
	}
	return v
}
