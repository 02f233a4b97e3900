package audit

import (
	"context"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Query chooses records. Zero fields choose all.
type Query struct {
	After   string // the Next of the page before
	Limit   int    // 1 to 200; 0: 50
	Cluster cluster.ID
	Member  tenant.MemberID
	Kind    Kind
}

// Record is one record as it is shown. An intent carries how it ended, if that is known: its result is a record as well.
type Record struct {
	ID          string
	At          time.Time
	Kind        Kind
	IntentID    IntentID // of a result
	Actor       Actor
	Via         tenant.Via // the door; "" of what no request began
	ClusterName string     // as it is called now
	Target      Target
	Action      string // of an admin record
	Command     string
	Outcome     Outcome // "" while an intent's end is not known yet
	HTTPStatus  int
	Detail      string
	Duration    time.Duration
	RequestID   string
	RunID       string
	Step        int
	ApprovedBy  tenant.MemberID
	K8sGroup    cluster.Group
}

// Page is some records, newest first.
type Page struct {
	Records []Record
	Next    string // for Query.After; empty at the end
}

// List returns records, newest first: everybody's to a tenant_admin, one's own to others.
func (l *Log) List(ctx context.Context, scope tenant.Scope, q Query) (Page, error) {
	if !scope.Can(tenant.ReadAudit) {
		if !scope.Can(tenant.ReadOwnAudit) {
			return Page{}, problem.New(problem.Forbidden, "Only members of the tenant may see its audit log.")
		}
		if q.Member != "" && q.Member != scope.Member {
			return Page{}, problem.New(problem.Forbidden, "Only a tenant_admin may see what others did.").
				WithFix("Ask a tenant_admin of this tenant.")
		}
		q.Member = scope.Member
	}
	switch {
	case q.Limit == 0:
		q.Limit = 50
	case q.Limit < 1 || q.Limit > 200:
		return Page{}, problem.New(problem.Invalid, "limit is 1 to 200.")
	}
	switch q.Kind {
	case "", KindIntent, KindResult, KindRead, KindAdmin:
	default:
		return Page{}, problem.New(problem.Invalid, "kind is intent, result, read or admin.")
	}
	return l.c.Store.List(ctx, scope, q)
}
