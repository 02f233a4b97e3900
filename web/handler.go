package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// ContentSecurityPolicy allows this origin's own files and calls and nothing else: no inline script or style, no
// third party, no frame. The application needs no exception.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>KubeChat: web app not built</title>
<h1>Web app not built</h1><p>This kubechatd was built without its web pages. Run <code>make web</code>, then build it again.</p>
<p>The API under <code>/api/v1</code> and the tunnel work without them.</p></html>
`

type file struct {
	body, gzipped []byte // gzipped is nil when it saves nothing
	contentType   string
	etag          string
	immutable     bool
}

// Handler serves the application in files, usually Dist. Paths that name no file and look like a page get index.html:
// the application routes itself. A missing asset is a 404, so that an old tab never takes HTML for a script.
func Handler(files fs.FS) (http.Handler, error) {
	known := map[string]file{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name) == ".gitkeep" {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		known["/"+name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read web files: %w", err)
	}
	return handler(known), nil
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	f := file{
		body: body, contentType: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:12]) + `"`,
		immutable: strings.HasPrefix(name, "assets/"), // Vite puts a hash of the content in these names
	}
	switch path.Ext(name) { // not left to the machine's own table
	case ".js":
		f.contentType = "text/javascript; charset=utf-8"
	case ".woff2":
		f.contentType = "font/woff2"
		return f
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(body)                                  // a bytes.Buffer takes everything
	_ = w.Close()
	if b.Len() < len(body) {
		f.gzipped = b.Bytes()
	}
	return f
}

func handler(known map[string]file) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET is answered here.", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
		name := path.Clean("/" + r.URL.Path)
		f, ok := known[name]
		if !ok {
			if strings.HasPrefix(name, "/assets/") || path.Ext(name) != "" && !strings.HasPrefix(name, "/t/") {
				http.NotFound(w, r)
				return
			}
			if f, ok = known["/index.html"]; !ok {
				h.Set("Content-Type", "text/html; charset=utf-8")
				h.Set("Cache-Control", "no-store")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte(notBuilt)) // the reader may be gone; nothing is left to do about it
				return
			}
		}
		f.serve(w, r)
	})
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache") // ask each time; the answer is a 304 unless a new version is served
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.body
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // as above
	}
}
