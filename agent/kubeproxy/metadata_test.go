package kubeproxy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const canary = "aHVudGVyMg=="

// secret is one whole Secret, as an API server that ignores our Accept header would send it.
func secret(name string) string {
	return `{"kind":"Secret","apiVersion":"v1","type":"Opaque","data":{"password":"` + canary + `"},"stringData":{"p":"` + canary + `"},` +
		`"metadata":{"name":"` + name + `","namespace":"shop","labels":{"app":"cart"},"uid":"u-1","resourceVersion":"7",` +
		`"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"` + canary + `","k8s.io/initial-events-end":"` + canary + `"},` +
		`"managedFields":[{"fieldsV1":{"f:data":{"f:password":{}}}}]}}`
}

func checkHidden(t *testing.T, body string) {
	t.Helper()
	for _, leak := range []string{canary, "password", "last-applied", "managedFields", "Opaque", "stringData"} {
		if strings.Contains(body, leak) {
			t.Errorf("%q is in the answer: %s", leak, body)
		}
	}
}

func TestHiddenSecretsAreOnlyMetadataInEveryForm(t *testing.T) {
	t.Parallel()
	asked := make(chan http.Header, 1)
	r := newRig(t, "{}", func(w http.ResponseWriter, req *http.Request) {
		asked <- req.Header
		switch {
		case strings.HasSuffix(req.URL.Path, "/db"):
			_, _ = io.WriteString(w, secret("db"))
		case req.URL.Query().Get("watch") != "":
			_, _ = fmt.Fprintf(w, `{"type":"ADDED","object":%s}`+"\n"+`{"type":"BOOKMARK","object":%s}`, secret("a"), secret("b"))
		default:
			_, _ = fmt.Fprintf(w, `{"kind":"SecretList","rows":[%s],"metadata":{"resourceVersion":"9","continue":"c","x":"%s"},"items":[%s,%s]}`,
				secret("r"), canary, secret("a"), secret("b"))
		}
	})
	for _, line := range []string{"GET /api/v1/namespaces/shop/secrets/db", "GET /api/v1/namespaces/shop/secrets", "GET /api/v1/secrets?pretty=true",
		"GET /api/v1/namespaces/shop/secrets?watch=true"} {
		for _, accept := range []string{"application/json", "*/*", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
			"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"} {
			res, body := r.do(line, "Accept: "+accept, "Accept-Encoding: gzip", "Range: bytes=0-10")
			h := within(t, "request", asked)
			if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s as %s: %d %v %s", line, accept, res.StatusCode, res.Header, body)
			}
			if got := h.Get("Accept"); !strings.HasPrefix(got, "application/json;as=PartialObjectMetadata") || strings.Contains(got, ",") || h.Get("Range") != "" {
				t.Errorf("%s as %s: the API server was asked for %v", line, accept, h)
			}
			if !strings.Contains(line, "watch") { // a bookmark keeps the one annotation that informers need
				checkHidden(t, body)
			}
			if !strings.Contains(body, `"labels":{"app":"cart"}`) {
				t.Errorf("%s as %s: the metadata is missing: %s", line, accept, body)
			}
		}
	}
	for accept, kind := range map[string]string{
		"application/json": "Secret v1", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json": "Secret v1",
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json": "PartialObjectMetadata meta.k8s.io/v1",
	} {
		res, body := r.do("GET /api/v1/namespaces/shop/secrets", "Accept: "+accept)
		within(t, "request", asked)
		var list struct {
			Kind, APIVersion string
			Metadata         map[string]string
			Items            []struct {
				Kind, APIVersion string
				Metadata         struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Metadata) != 2 || len(list.Items) != 2 || list.Items[1].Metadata.Name != "b" ||
			list.Items[0].Kind+" "+list.Items[0].APIVersion != kind || list.Kind != list.Items[0].Kind+"List" || list.APIVersion != list.Items[0].APIVersion {
			t.Errorf("%s: %v: %s", accept, err, body)
		}
		if !strings.Contains(res.Header.Get("Warning"), "secrets: hidden") {
			t.Errorf("the answer does not warn: %v", res.Header)
		}
	}
}

func TestHiddenSecretsCanBeWatchedEventByEvent(t *testing.T) {
	t.Parallel()
	events := make(chan string)
	r := newRig(t, "{}", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		for event := range events {
			_, _ = io.WriteString(w, event)
			_ = http.NewResponseController(w).Flush()
		}
	})
	res, err := r.as(viewer).RoundTrip(newRequest(t, t.Context(), "GET /api/v1/secrets?watch=true", "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := json.NewDecoder(res.Body)
	for _, c := range []struct{ event, want string }{
		{`{"type":"ADDED","object":` + secret("a") + `}`, `{"type":"ADDED","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"labels":{"app":"cart"},"name":"a","namespace":"shop","resourceVersion":"7","uid":"u-1"}}}`},
		{`{"type":"BOOKMARK","object":{"kind":"PartialObjectMetadata","metadata":{"resourceVersion":"8","annotations":{"k8s.io/initial-events-end":"true","x":"` + canary + `"}}}}`,
			`{"type":"BOOKMARK","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"},"resourceVersion":"8"}}}`},
		{`{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old","data":"` + canary + `"}}`,
			`{"type":"ERROR","object":{"apiVersion":"v1","code":410,"kind":"Status","message":"too old","reason":"Expired","status":"Failure"}}`},
	} {
		events <- c.event
		var got json.RawMessage
		if err := in.Decode(&got); err != nil || string(got) != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, got, c.want)
		}
	}
	events <- `{"type":"ADDED","object":{"kind":"Sec`
	close(events)
	if err := in.Decode(new(json.RawMessage)); err == nil || err == io.EOF {
		t.Errorf("a watch that broke off within an event ended with %v", err)
	}
}

func TestBrokenAnswersAboutSecretsDoNotLookWhole(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"cut list": `{"kind":"SecretList","items":[` + secret("a") + `,`, "cut object": secret("a")[:80], "not JSON": "<html>" + canary,
		"items no list": `{"items":{"a":"` + canary + `"}}`, "nothing": "",
	} {
		for _, line := range []string{"GET /api/v1/namespaces/shop/secrets", "GET /api/v1/namespaces/shop/secrets/db"} {
			if name == "cut list" && strings.HasSuffix(line, "db") || name == "cut object" && !strings.HasSuffix(line, "db") || name == "items no list" && strings.HasSuffix(line, "db") {
				continue
			}
			r := newRig(t, "{}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
			res, err := r.as(viewer).RoundTrip(newRequest(t, t.Context(), line))
			if err != nil {
				continue
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil || bytes.Contains(body, []byte(canary)) {
				t.Errorf("%s, %s: %v: %s", name, line, err, body)
			}
		}
	}
}

func TestAPIServersRefusalAboutSecretsIsPassedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "{}", func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		if strings.HasSuffix(req.URL.Path, "/html") {
			_, _ = io.WriteString(w, "<html>"+canary)
			return
		}
		_, _ = io.WriteString(w, `{"kind":"Status","status":"Failure","message":"secrets is forbidden","reason":"Forbidden","code":403,"data":"`+canary+`"}`)
	})
	res, body := r.do("GET /api/v1/namespaces/shop/secrets")
	if s := readStatus(t, body); res.StatusCode != 403 || s.Message != "secrets is forbidden" || s.Reason != "Forbidden" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	checkHidden(t, body)
	_, body = r.do("GET /api/v1/namespaces/shop/secrets/html")
	checkHidden(t, body)
}

func TestFullSecretsPassUntouched(t *testing.T) {
	t.Parallel()
	r := newRig(t, "secrets: full", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
		_, _ = io.WriteString(w, "k8s\x00\xff"+req.Header.Get("Accept"))
	})
	res, body := r.do("GET /api/v1/namespaces/shop/secrets", "Accept: application/vnd.kubernetes.protobuf")
	if res.Header.Get("Content-Type") != "application/vnd.kubernetes.protobuf" || body != "k8s\x00\xffapplication/vnd.kubernetes.protobuf" {
		t.Errorf("%v %q", res.Header, body)
	}
}
