package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/tunnel"
)

// TestLostCommandSaysWhatWasLost: a WebSocket's client hears of the tunnel on the command's error channel, in a message of
// its own, however long the messages before were.
func TestLostCommandSaysWhatWasLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	said := []string{"\x01hello", "\x01" + strings.Repeat("x", 200), "\x01" + strings.Repeat("y", 100_000), "\x01"}
	up := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	c, a := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		conn, err := up.Upgrade(w, req, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for _, s := range said {
			_ = conn.WriteMessage(websocket.BinaryMessage, []byte(s))
		}
		_, _, _ = conn.ReadMessage() // until it is cut
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	dialer := websocket.Dialer{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, res, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(r.door(t).URL, "http")+
		k8s(c, "/api/v1/namespaces/shop/pods/web-1/exec?command=sh&container=web&stdout=true"), http.Header{"Authorization": {"Bearer op@acme.test"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	defer conn.Close()
	for _, want := range said {
		if _, got, err := conn.ReadMessage(); err != nil || string(got) != want {
			t.Fatalf("%d bytes came, %v", len(got), err)
		}
	}
	_ = a.CloseWith(tunnel.ReasonShutdown, "")
	_, last, err := conn.ReadMessage()
	if err != nil || !strings.HasPrefix(string(last), "\x03{") || !strings.Contains(string(last), "The tunnel to the cluster was lost") || !strings.Contains(string(last), `"Failure"`) {
		t.Errorf("the last message is %q, %v", last, err)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("then came %v", err)
	}
}
