package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// asked sends one whole request to an agent's answer and reads what comes, as any HTTP client does.
func asked(t *testing.T, line string, handler http.HandlerFunc) (*http.Response, string, error) {
	t.Helper()
	served, plane := tunneltest.Pair(t, tunnel.Config{Hello: tunnel.Hello{Capabilities: []string{tunnel.CapabilityWhole}}}, tunnel.Config{})
	a := &agent{log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		conn, err := served.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		a.answer(conn.(*tunnel.Conn), handler)
	}()
	c, err := tunnel.OpenWhole(t.Context(), plane, tunnel.Header{Kind: tunnel.KindHTTP}, []byte(line+" HTTP/1.1\r\nHost: cluster\r\n\r\n"))
	if err != nil {
		return nil, "", err
	}
	t.Cleanup(func() { c.Close() })
	req, _ := http.NewRequest(strings.Fields(line)[0], "http://cluster/", nil)
	res, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func TestWholeRequestsAreAnsweredAsAnHTTPServerDoes(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789", 20_000)
	for name, c := range map[string]struct {
		line    string
		handler http.HandlerFunc
		status  int
		length  int64 // -1 is not said
		body    string
	}{
		"small": {"GET /a?b=c", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL, " ", r.Host) }, 200, 14, "/a?b=c cluster"},
		"empty": {"GET /", func(http.ResponseWriter, *http.Request) {}, 200, 0, ""},
		"large": {"GET /", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, large) }, 200, -1, large},
		"large with its length": {"GET /", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(large)))
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, large[:7])
			io.WriteString(w, large[7:])
		}, 418, int64(len(large)), large},
		"in pieces": {"GET /", func(w http.ResponseWriter, _ *http.Request) {
			for _, piece := range strings.SplitAfter(large[:2000], "9") {
				io.WriteString(w, piece)
				w.(http.Flusher).Flush()
			}
		}, 200, -1, large[:2000]},
		"HEAD": {"HEAD /", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "12345")
		}, 200, 5, ""},
		"not modified": {"GET /", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, 304, 0, ""},
		"a word before": {"GET /", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusForbidden)
			w.WriteHeader(http.StatusOK) // too late
			io.WriteString(w, "no")
		}, 403, 2, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body, err := asked(t, c.line, c.handler)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != c.status || body != c.body || res.ContentLength != c.length {
				t.Errorf("%d, length %d, %d bytes of body: %.100q", res.StatusCode, res.ContentLength, len(body), body)
			}
			if res.Header.Get("Date") == "" || body != "" && res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("header %v", res.Header)
			}
		})
	}
}

func TestAnswerThatIsNotWholeIsNeverTakenForOne(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"aborted before it began": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"aborted within": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 100_000))
			panic(http.ErrAbortHandler)
		},
		"a fault of ours": func(w http.ResponseWriter, _ *http.Request) { panic(errors.New("a fault")) },
		"shorter than said": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "short")
		},
		"longer than said": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			if _, err := io.WriteString(w, "long"); err == nil {
				t.Error("more than was said was taken")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res, body, err := asked(t, "GET /", handler); err == nil {
				t.Errorf("%s with %d bytes came as if it were whole", res.Status, len(body))
			}
		})
	}
}

func TestRequestThatCannotBeReadIsNotServed(t *testing.T) {
	t.Parallel()
	if _, _, err := asked(t, "NONSENSE", func(http.ResponseWriter, *http.Request) { t.Error("served") }); err == nil {
		t.Error("answered")
	}
}
