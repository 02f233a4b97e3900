package kubereq_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/agent/kubereq"
)

// serverCase is one line of testdata/apiserver-1.37.tsv: every operation of a real server's OpenAPI document, and some
// that it does not list, with what k8s.io/apiserver's own RequestInfoFactory says of them.
type serverCase struct {
	action, method, url string
	fails               bool
	want                kubereq.Info
}

func serverCases(t testing.TB) []serverCase {
	t.Helper()
	f, err := os.Open("testdata/apiserver-1.37.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []serverCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Split(lines.Text(), "\t")
		if len(c) == 4 {
			cases = append(cases, serverCase{action: c[0], method: c[1], url: c[2], fails: true})
			continue
		}
		isResource, err := strconv.ParseBool(c[3])
		if err != nil || len(c) != 11 {
			t.Fatalf("testdata: can't read %q", lines.Text())
		}
		cases = append(cases, serverCase{action: c[0], method: c[1], url: c[2], want: kubereq.Info{
			IsResource: isResource, Verb: c[4], APIGroup: c[5], APIVersion: c[6],
			Resource: c[7], Subresource: c[8], Namespace: c[9], Name: c[10]}})
	}
	if len(cases) < 1000 {
		t.Fatalf("testdata holds %d cases only", len(cases))
	}
	return cases
}

func parse(t testing.TB, method, raw string, h http.Header) (kubereq.Info, error) {
	t.Helper()
	u, err := url.ParseRequestURI(raw) // as net/http does
	if err != nil {
		t.Fatal(err)
	}
	return kubereq.Parse(method, u, h)
}

func TestParseAgreesWithTheAPIServerOnEveryOperation(t *testing.T) {
	t.Parallel()
	for _, c := range serverCases(t) {
		got, err := parse(t, c.method, c.url, nil)
		if (err != nil) != c.fails {
			t.Errorf("%s %s: error %v", c.method, c.url, err)
			continue
		}
		if c.fails {
			continue
		}
		same := got.IsResource == c.want.IsResource && got.Verb == c.want.Verb && got.APIGroup == c.want.APIGroup &&
			got.APIVersion == c.want.APIVersion && got.Resource == c.want.Resource &&
			got.Subresource == c.want.Subresource && got.Namespace == c.want.Namespace && got.Name == c.want.Name
		if !same {
			t.Errorf("%s %s:\n got %+v\nwant %+v", c.method, c.url, got, c.want)
		}
	}
}

func TestReadsAreExactlyTheServersReadActions(t *testing.T) {
	t.Parallel()
	reviews := map[string]bool{
		"selfsubjectaccessreviews": true, "selfsubjectrulesreviews": true, "subjectaccessreviews": true,
		"localsubjectaccessreviews": true, "selfsubjectreviews": true,
	}
	seen := map[string]int{}
	for _, c := range serverCases(t) {
		if c.action == "-" || c.fails {
			continue
		}
		got, err := parse(t, c.method, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := false
		switch c.action {
		case "get", "list", "watch", "watchlist":
			want = c.want.Resource != "secrets" && c.method == "GET"
		case "post":
			want = reviews[c.want.Resource]
		}
		seen[c.action]++
		if got.IsRead() != want {
			t.Errorf("%s %s (%s): IsRead is %t", c.method, c.url, c.action, got.IsRead())
		}
		upgraded, err := parse(t, c.method, c.url, http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}})
		if err != nil || upgraded.IsRead() {
			t.Errorf("%s %s with an Upgrade is taken for a read (%v)", c.method, c.url, err)
		}
	}
	for _, action := range []string{"get", "list", "watch", "watchlist", "post", "put", "patch", "delete", "deletecollection", "connect"} {
		if seen[action] == 0 {
			t.Errorf("the document has no operation of action %q", action)
		}
	}
}

func TestReadsOffTheResources(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/api": true, "/api/": true, "/api/v1": true, "/apis": true, "/apis/apps": true, "/apis/apps/v1/": true, "/openapi/v2": true,
		"/openapi/v3": true, "/openapi/v3/apis/apps/v1": true, "/version": true, "/version/": true, "/readyz": true,
		"/readyz/etcd": true, "/livez": true, "/healthz/ping": true, "/.well-known/openid-configuration": true, "/openid/v1/jwks/": true,
		"/": false, "/metrics": false, "/logs/": false, "/debug/pprof/heap": false, "/readyzz": false, "/openapi/v4": false, "/apix/v1/pods": false,
	} {
		got, err := parse(t, "GET", path, nil)
		if err != nil || got.IsResource || got.IsRead() != want {
			t.Errorf("GET %s: %+v, IsRead %t, error %v", path, got, got.IsRead(), err)
		}
		if got, err = parse(t, "POST", path, nil); err != nil || got.IsRead() {
			t.Errorf("POST %s is taken for a read (%v)", path, err)
		}
	}
}

func TestWhatIsNoReadWhateverItsMethod(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/api/v1/namespaces/shop/pods/cart/exec?command=sh", "/api/v1/namespaces/shop/pods/cart/attach",
		"/api/v1/namespaces/shop/pods/cart/portforward", "/api/v1/namespaces/shop/pods/cart/proxy", "/api/v1/namespaces/shop/pods/cart/proxy/",
		"/api/v1/namespaces/shop/services/cart/proxy/x/y", "/api/v1/nodes/n1/proxy/run", "/api/v1/proxy/nodes/n1",
		"/apis/cluster.karmada.io/v1alpha1/clusters/member/proxy/api/v1/secrets",
		"/api/v1/secrets", "/api/v1/secrets?watch=true", "/api/v1/watch/secrets", "/api/v1/namespaces/shop/secrets/db",
		"/apis/image.openshift.io/v1/namespaces/shop/imagestreams/x/secrets",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			got, err := parse(t, method, path, nil)
			if err != nil || got.IsRead() {
				t.Errorf("%s %s: IsRead %t, error %v", method, path, got.IsRead(), err)
			}
		}
	}
	token, err := parse(t, "POST", "/api/v1/namespaces/shop/serviceaccounts/default/token", nil)
	if err != nil || token.IsRead() || !token.IsTokenRequest() {
		t.Errorf("a token request: %+v, %v", token, err)
	}
}

func TestUpgradeIsSeenHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, h := range []http.Header{
		{"Upgrade": {"SPDY/3.1"}}, {"Connection": {"keep-alive, UPGRADE"}}, {"Connection": {"close", " Upgrade "}}, {"Upgrade": {""}},
	} {
		if got, err := parse(t, "GET", "/api/v1/pods", h); err != nil || !got.Upgrade || got.IsRead() {
			t.Errorf("%v: %+v, %v", h, got, err)
		}
	}
	if got, _ := parse(t, "GET", "/api/v1/pods", http.Header{"Connection": {"keep-alive"}}); got.Upgrade || !got.IsRead() {
		t.Errorf("a plain request: %+v", got)
	}
}

func TestPathsThatCouldMeanTwoThingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"//api/v1/pods", "/api//v1/pods", "/api/v1/namespaces//pods", "/api/v1/namespaces/shop/../kubechat/pods", "/api/v1/./pods",
		"/api/v1/namespaces/shop/pods/..", "/api/v1/namespaces/shop%2f..%2fkubechat/pods", "/api/v1/namespaces/shop%2Fpods",
		"/api/v1/%2e%2e/secrets", "/api/v1/%73ecrets", "/api/v1/namespaces/shop/pods/a%2Db", "/api/v1/namespaces/%256b/pods",
		"/api/v1/pods%00", "/api/v1/pods%0d%0aX:y", `/api/v1/pods\..\secrets`, "/api/v1/pods%5c", "/api/v1/namespaces/shop/pods/%ff",
		"/api/v1/pods/", "/api/v1/namespaces/shop/", "/api/v1/namespaces/shop/secrets/db/", "/api/v1/watch/", "/api/v1/namespaces/shop/pods/x/proxy//y",
		"/..", "/./", "/api/v1/pods?a=%zz", "/api/v1/pods?watch=true;x=y",
	} {
		if got, err := parse(t, "GET", path, nil); err == nil {
			t.Errorf("%s is read as %+v", path, got)
		}
	}
	for _, u := range []*url.URL{
		{Path: ""}, {Path: "api/v1/pods"}, {Path: "*"}, {Opaque: "x", Path: "/api"}, {Path: "/api/v1/pods", RawPath: "/api/v1/secrets"},
	} {
		if got, err := kubereq.Parse("GET", u, nil); err == nil {
			t.Errorf("%#v is read as %+v", u, got)
		}
	}
	for _, method := range []string{"", "get", "CONNECT", "TRACE", "PROPFIND", "GET "} {
		if _, err := parse(t, method, "/api/v1/pods", nil); err == nil {
			t.Errorf("method %q is accepted", method)
		}
	}
}

func TestNeedlessButHarmlessEncodingIsUnderstood(t *testing.T) {
	t.Parallel()
	got, err := parse(t, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%20proxier%3F", nil)
	if err != nil || got.Name != "system:node proxier?" {
		t.Fatalf("%+v, %v", got, err)
	}
	u, _ := url.Parse("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode?b=2&a=1&a=0")
	if c := kubereq.Canonical(u).String(); c != "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node?a=1&a=0&b=2" {
		t.Errorf("canonical form is %s", c)
	}
}

func TestResourceNameIsWrittenAsKubectlDoes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/v1/pods": "pods", "/api/v1/namespaces/a/pods/b/log": "pods/log", "/apis/apps/v1/namespaces/a/deployments/b/scale": "deployments.apps/scale",
	} {
		if got, _ := parse(t, "GET", path, nil); got.ResourceName() != want {
			t.Errorf("%s is %s", path, got.ResourceName())
		}
	}
}

// FuzzParse holds what must be true of every request that is accepted at all.
func FuzzParse(f *testing.F) {
	for n, c := range serverCases(f) {
		if n%20 == 0 {
			f.Add(c.method, c.url, n%3 == 0)
		}
	}
	for _, path := range []string{"/api/v1/namespaces/a/%2e%2e/secrets", "/api/v1/../secrets", "//", "/api/v1/watch/secrets?fieldSelector=metadata.name%3D"} {
		f.Add("GET", path, false)
	}
	f.Fuzz(func(t *testing.T, method, raw string, upgrade bool) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		h := http.Header{}
		if upgrade {
			h.Set("Upgrade", "websocket")
		}
		got, err := kubereq.Parse(method, u, h)
		if err != nil {
			return
		}
		again, err := kubereq.Parse(method, kubereq.Canonical(u), h)
		if err != nil {
			t.Fatalf("the canonical form of %q is refused: %v", raw, err)
		}
		if a, b := describe(got), describe(again); a != b {
			t.Errorf("%q and its canonical form differ: %s, %s", raw, a, b)
		}
		if strings.Contains(got.Path, "//") || strings.Contains(got.Path, "/../") || strings.HasSuffix(got.Path, "/..") || strings.Contains(got.Path, "%") {
			t.Errorf("%q was accepted with path %q", raw, got.Path)
		}
		if got.IsRead() {
			if got.Upgrade || got.Resource == "secrets" || got.Subresource == "exec" || got.Subresource == "proxy" {
				t.Errorf("%s %q is taken for a read: %+v", method, raw, got)
			}
			if method != "GET" && method != "HEAD" && !got.IsAccessReview() {
				t.Errorf("%s %q is taken for a read", method, raw)
			}
		}
		if got.IsResource == (got.Resource == "") || got.IsResource && got.IsDiscovery() {
			t.Errorf("%q is half a resource: %+v", raw, got)
		}
	})
}

func describe(i kubereq.Info) string {
	return strings.Join([]string{i.Verb, i.APIGroup, i.APIVersion, i.Resource, i.Subresource, i.Namespace, i.Name, i.Path, strconv.FormatBool(i.Upgrade)}, "|")
}
