package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
)

// How long the client may keep its half open once the cluster has ended its own, and the other way round: kubectl ends
// its half only by leaving, others may wait for the last words of a long command.
const (
	clientLinger  = 10 * time.Second
	clusterLinger = time.Hour
)

// serveUpgrade carries exec, attach, port-forward and the like: one HTTP/1.1 exchange, then bytes both ways that are
// nobody's business here. httputil.ReverseProxy could do it, but not say how it ended, and that is the result.
func (k *kubectl) serveUpgrade(w http.ResponseWriter, r *http.Request, x *exchange) {
	res, err := k.g.RoundTrip(x.scope, x.cluster, upgradeRequest(r))
	if err != nil {
		k.failed(w, r, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		k.answerPlainly(w, r, res)
		return
	}
	cluster, ok := res.Body.(*duplex)
	if !ok || !strings.EqualFold(res.Header.Get("Upgrade"), r.Header.Get("Upgrade")) {
		k.failed(w, r, errors.New("the cluster switched to another protocol than was asked for"))
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		cluster.abort()
		k.failed(w, r, fmt.Errorf("take over the connection: %w", err)) // HTTP/2 has no upgrades
		return
	}
	defer client.Close()
	res.Header.Set("X-Request-Id", x.id)
	head := http.Response{StatusCode: res.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: res.Header}
	_ = client.SetWriteDeadline(time.Now().Add(clientLinger))
	if err := errors.Join(head.Write(buffered), buffered.Flush()); err != nil {
		cluster.abort()
	}
	_ = client.SetDeadline(time.Time{}) // the server's own deadlines were for requests
	// Only what the server has read already comes from its reader: at the end of the input that one cancels the
	// request's context, and with it the answer that is still to come.
	early, _ := buffered.Peek(buffered.Reader.Buffered()) // never fails: it is there
	k.settle(r.Context(), x, splice(client, io.MultiReader(bytes.NewReader(early), client), cluster, followMessages(client, res)))
}

// upgradeRequest is the request as it goes into the tunnel.
func upgradeRequest(r *http.Request) *http.Request {
	out := r.Clone(r.Context())
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, 0, nil
	for _, name := range []string{"Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Proxy-Connection"} {
		out.Header.Del(name)
	}
	rewrite(&httputil.ProxyRequest{In: r, Out: out})
	out.Header.Set("Connection", "Upgrade")
	return out
}

// answerPlainly passes on an answer that refuses the upgrade.
func (k *kubectl) answerPlainly(w http.ResponseWriter, r *http.Request, res *http.Response) {
	if err := k.answered(res); err != nil {
		k.failed(w, r, err)
		return
	}
	for name, values := range res.Header {
		switch name {
		case "Connection", "Upgrade", "Keep-Alive", "Transfer-Encoding", "Trailer", "Te":
		default:
			w.Header()[name] = values
		}
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// splice copies both ways, and says how it ended. All that the cluster sent is delivered before anything is closed. With
// last the client is told when the tunnel was lost.
func splice(client net.Conn, fromClient io.Reader, cluster *duplex, last *messages) audit.Result {
	result := audit.Result{Outcome: audit.Succeeded, HTTPStatus: http.StatusSwitchingProtocols}
	linger := time.AfterFunc(clusterLinger, cluster.abort)
	linger.Stop() // it starts when the client has ended its half
	defer linger.Stop()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		from := &watched{Reader: fromClient}
		n, err := io.Copy(cluster, from)
		result.BytesIn = n
		switch {
		case from.failed:
			cluster.abort() // the client is gone, and with it the sense of the whole
		case err == nil:
			_ = cluster.CloseWrite()
			linger.Reset(clusterLinger)
		}
	}()
	from := &watched{Reader: cluster}
	to := io.Writer(client)
	if last != nil {
		to = last
	}
	n, err := io.Copy(to, from)
	result.BytesOut = n
	switch {
	case from.failed:
		if lost := cluster.s.lost(); lost != nil {
			_ = client.SetWriteDeadline(time.Now().Add(clientLinger))
			last.say("The tunnel to the cluster was lost while this ran; nobody knows whether it goes on. " + reasonText(lost))
		}
		_ = client.Close()
	case err != nil:
		cluster.abort()
		_ = client.Close()
	default:
		if half, ok := client.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_ = client.SetReadDeadline(time.Now().Add(clientLinger))
	}
	<-sent
	if lost := cluster.s.lost(); from.failed && lost != nil {
		result.Outcome, result.Detail = audit.Unknown, "cut off: "+reasonText(lost)
	} else if from.failed || err != nil {
		result.Detail = "left by its client"
	}
	return result
}

// watched tells a failed Read from a failed Write in io.Copy.
type watched struct {
	io.Reader
	failed bool
}

// Read remembers a failure.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed = true
	}
	return n, err
}
