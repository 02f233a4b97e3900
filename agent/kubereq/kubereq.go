// Package kubereq reads an HTTP request the way a Kubernetes API server does: verb, group, resource, subresource,
// namespace and name, and whether it is a read. The agent and the control plane share it, so that both sides mean the
// same thing by the same bytes. Paths that two parsers could read differently are refused, not repaired. It knows no
// policy. Start at Parse.
package kubereq

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Info is one request as the API server understands it. For a resource it is what RBAC decides on; for anything else
// only Verb and Path are set.
type Info struct {
	Method      string   // the HTTP method, upper case
	IsResource  bool     // a resource of some API group, not discovery, health and such
	Verb        string   // get, list, watch, create, update, patch, delete, deletecollection, proxy, or "" for OPTIONS; of other paths the method in lower case
	APIPrefix   string   // "api" or "apis"
	APIGroup    string   // "" is the core group
	APIVersion  string   //
	Resource    string   // plural, as in the path: "pods"
	Subresource string   // "log", "exec", "status", ...
	Namespace   string   // "" for cluster-scoped kinds and for all namespaces
	Name        string   // from the path, or from a metadata.name field selector of a list or watch
	Path        string   // decoded and canonical
	Parts       []string // the path from the resource on
	Upgrade     bool     // asks to leave HTTP: WebSocket or SPDY
	LegacyWatch bool     // uses the deprecated /watch/ or /proxy/ path prefix
}

// Parse reads a request. The error says, in words for its sender, why the request can't be read in only one way.
// The header is looked at for an Upgrade only and may be nil.
func Parse(method string, u *url.URL, h http.Header) (Info, error) {
	info := Info{Method: method, Verb: strings.ToLower(method), Path: u.Path, Upgrade: isUpgrade(h)}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions: // which proxied servers take
	default:
		return info, fmt.Errorf("the method %q is not one of the Kubernetes API", method)
	}
	if err := checkPath(u); err != nil {
		return info, err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return info, fmt.Errorf("the query can't be read: %w", err)
	}
	if err := info.readPath(); err != nil {
		return info, err
	}
	if info.IsResource {
		info.readQuery(query)
		if strings.HasSuffix(u.Path, "/") && !info.IsProxy() {
			return info, fmt.Errorf("the path %q ends in a slash", u.Path)
		}
	}
	return info, nil
}

// Canonical is u reduced to the path and query that Parse read, encoded in the one way Go encodes them, so that the
// next parser sees the very same request. Parse must have accepted u.
func Canonical(u *url.URL) *url.URL {
	return &url.URL{Path: u.Path, RawQuery: u.Query().Encode()}
}

// readPath follows k8s.io/apiserver's RequestInfoFactory.NewRequestInfo step by step.
func (i *Info) readPath() error {
	parts := splitPath(i.Path)
	if len(parts) < 3 || (parts[0] != "api" && parts[0] != "apis") {
		return nil
	}
	prefix, parts := parts[0], parts[1:]
	if prefix == "apis" {
		if len(parts) < 3 {
			return nil
		}
		i.APIGroup, parts = parts[0], parts[1:]
	}
	i.IsResource, i.APIPrefix, i.APIVersion = true, prefix, parts[0]
	parts = parts[1:]

	if parts[0] == "watch" || parts[0] == "proxy" {
		if len(parts) < 2 {
			return fmt.Errorf("the path %q names no resource", i.Path)
		}
		i.Verb, i.LegacyWatch, parts = parts[0], true, parts[1:]
	} else {
		i.Verb = resourceVerb(i.Method)
	}
	if parts[0] == "namespaces" && len(parts) > 1 {
		i.Namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" { // those two are namespace subresources
			parts = parts[2:]
		}
	}
	i.Parts = parts
	i.Resource = parts[0]
	if len(parts) > 1 {
		i.Name = parts[1]
	}
	if len(parts) > 2 && i.Verb != "proxy" {
		i.Subresource = parts[2]
	}
	return nil
}

// readQuery tells list from watch and get, and delete from deletecollection.
func (i *Info) readQuery(query url.Values) {
	if i.Name != "" {
		return
	}
	switch i.Verb {
	case "get":
		i.Verb = "list"
		if asked(query["watch"]) {
			i.Verb = "watch"
		}
		if selectors := query["fieldSelector"]; len(selectors) > 0 {
			i.Name = selectedName(selectors[0])
		}
	case "delete":
		i.Verb = "deletecollection"
	}
}

// asked reads a boolean query parameter as apimachinery does: an empty value is true.
func asked(values []string) bool {
	return len(values) > 0 && values[0] != "0" && !strings.EqualFold(values[0], "false")
}

func resourceVerb(method string) string {
	switch method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		return "delete"
	case http.MethodOptions:
		return ""
	default: // GET and HEAD; Parse let nothing else through
		return "get"
	}
}

func splitPath(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func isUpgrade(h http.Header) bool {
	if len(h["Upgrade"]) > 0 {
		return true
	}
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}
