package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubechat/kubechat/web"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":           {},
		"index.html":         {Data: []byte("<!doctype html><title>app</title>")},
		"theme.js":           {Data: []byte(strings.Repeat("document;", 50))},
		"assets/app-x1y2.js": {Data: []byte(strings.Repeat("export {};", 50))},
	}
}

func get(t *testing.T, files fstest.MapFS, method, path string, header ...string) *http.Response {
	t.Helper()
	h, err := web.Handler(files)
	if err != nil {
		t.Fatalf("Handler: %v", err)
	}
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestHandlerAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, path string
		status             int
		contentType, cache string
	}{
		{"the front page", "GET", "/", 200, "text/html; charset=utf-8", "no-cache"},
		{"a page the application routes", "GET", "/t/acme/clusters", 200, "text/html; charset=utf-8", "no-cache"},
		{"a page with a dot in a name", "GET", "/t/acme/clusters/eu.west", 200, "text/html; charset=utf-8", "no-cache"},
		{"an asset, for ever", "GET", "/assets/app-x1y2.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"an asset of an older version", "GET", "/assets/app-old.js", 404, "", ""},
		{"a file that does not exist", "GET", "/robots.txt", 404, "", ""},
		{"the placeholder is not a file", "GET", "/.gitkeep", 404, "", ""},
		{"a change", "POST", "/", 405, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			res := get(t, built(), tc.method, tc.path)
			if res.StatusCode != tc.status {
				t.Fatalf("status %d, want %d", res.StatusCode, tc.status)
			}
			if tc.contentType != "" && res.Header.Get("Content-Type") != tc.contentType {
				t.Errorf("Content-Type %q, want %q", res.Header.Get("Content-Type"), tc.contentType)
			}
			if tc.cache != "" && res.Header.Get("Cache-Control") != tc.cache {
				t.Errorf("Cache-Control %q, want %q", res.Header.Get("Cache-Control"), tc.cache)
			}
		})
	}
}

func TestHandlerSaysThatTheAppIsNotBuilt(t *testing.T) {
	t.Parallel()
	res := get(t, fstest.MapFS{".gitkeep": {}}, "GET", "/t/acme")
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("status %d, want 503", res.StatusCode)
	}
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "make web") {
		t.Errorf("the page does not say what to run: %s", b.String())
	}
}

func TestHandlerSendsAStrictPolicy(t *testing.T) {
	t.Parallel()
	csp := get(t, built(), "GET", "/").Header.Get("Content-Security-Policy")
	if csp != web.ContentSecurityPolicy || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}

func TestHandlerCompressesAndRevalidates(t *testing.T) {
	t.Parallel()
	res := get(t, built(), "GET", "/theme.js", "Accept-Encoding", "gzip, br")
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("not compressed: %v", res.Header)
	}
	again := get(t, built(), "GET", "/theme.js", "If-None-Match", res.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("status %d for a known ETag, want 304", again.StatusCode)
	}
}
