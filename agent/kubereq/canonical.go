package kubereq

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// checkPath refuses every path that another parser (a proxy, a mux, an aggregated API server) could clean up, decode
// once more, or split elsewhere, and so take for another request than the one we decide on.
func checkPath(u *url.URL) error {
	if u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return errors.New("the path does not start with a slash")
	}
	if u.RawPath != "" {
		if err := checkEncoding(u); err != nil {
			return err
		}
	}
	if !utf8.ValidString(u.Path) {
		return fmt.Errorf("the path %q is not UTF-8", u.Path)
	}
	for _, r := range u.Path {
		if r < ' ' || r == 0x7f || r == '%' || r == '\\' {
			return fmt.Errorf("the path %q holds %q, which no Kubernetes path does", u.Path, r)
		}
	}
	segments := strings.Split(u.Path[1:], "/")
	for n, s := range segments {
		if s == "." || s == ".." {
			return fmt.Errorf("the path %q is not canonical: it holds %q", u.Path, s)
		}
		if s == "" && n < len(segments)-1 {
			return fmt.Errorf("the path %q is not canonical: it holds an empty segment", u.Path)
		}
	}
	return nil
}

// checkEncoding looks at a path that is not encoded as Go would. Some clients encode reserved characters that need
// not be (JavaScript: "system%3Anode"), which changes nothing; letters, dots and slashes are encoded only to hide them.
func checkEncoding(u *url.URL) error {
	if u.EscapedPath() != u.RawPath {
		return fmt.Errorf("the path %q does not say what its encoded form %q says", u.Path, u.RawPath)
	}
	for rest := u.RawPath; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return nil
		}
		b := unhex(after[0])<<4 | unhex(after[1]) // EscapedPath has checked that two hex digits follow
		if b == '/' || isUnreserved(b) {
			return fmt.Errorf("the path %q is not canonical: it encodes %q", u.RawPath, rune(b))
		}
		rest = after[2:]
	}
}

func isUnreserved(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("-._~", b) >= 0
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}
