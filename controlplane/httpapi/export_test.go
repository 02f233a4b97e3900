package httpapi

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// Routes lists "METHOD /pattern" of every route there is, as the router knows them.
func (a *API) Routes() []string {
	var out []string
	_ = chi.Walk(a.root, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out = append(out, method+" "+strings.ReplaceAll(route, "/*/", "/"))
		return nil
	})
	return out
}
