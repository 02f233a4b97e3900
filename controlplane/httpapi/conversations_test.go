package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestConversationsAreSearchedAndRenamedByTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	colleague := w.member(acme, "colleague@acme.test", tenant.User)
	c := acme.newConversation(acme.newCluster("prod").Cluster.ID)
	acme.newRun(c.ID)
	found := func(who *caller, q string) int {
		t.Helper()
		var got struct{ Items []httpapi.Conversation }
		who.call(http.MethodGet, "/conversations?q="+url.QueryEscape(q), "").want(t, http.StatusOK).json(t, &got)
		return len(got.Items)
	}
	if found(acme, "RUNNING shop") != 1 || found(acme, "nothing like it") != 0 || found(acme, "%") != 0 {
		t.Error("a search finds something else than what has its words")
	}
	if found(globex, "running shop") != 0 || found(colleague, "running shop") != 0 {
		t.Error("a search finds somebody else's conversation")
	}
	var renamed httpapi.Conversation
	acme.call(http.MethodPatch, "/conversations/"+string(c.ID), `{"title":"The shop"}`).want(t, http.StatusOK).json(t, &renamed)
	if renamed.Title != "The shop" || renamed.Cluster.Name != "prod" {
		t.Errorf("renamed %+v", renamed)
	}
	for _, other := range []*caller{globex, colleague} {
		other.call(http.MethodPatch, "/conversations/"+string(c.ID), `{"title":"Mine"}`).want(t, http.StatusNotFound)
	}
	acme.call(http.MethodPatch, "/conversations/"+string(c.ID), `{"title":"  "}`).want(t, http.StatusUnprocessableEntity)
	acme.call(http.MethodGet, "/conversations?q="+url.QueryEscape(string(make([]byte, 300))), "").want(t, http.StatusUnprocessableEntity)
}
