package httpapi

import (
	"mime"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// maxBody bounds every JSON body of this API; the longest thing anybody sends is a question.
const maxBody = 256 << 10

// withSecurityHeaders is for the API's own answers: none of them is a page, so nothing in one may load or frame anything.
// The pages bring a policy of their own; the clusters' answers on the kubectl path stay as they are.
func (a *API) withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// withTransportSecurity tells browsers that reached us by https to come back no other way.
func (a *API) withTransportSecurity(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// withOriginCheck refuses what another site's page sent, and every body that is not JSON: a form of another site can
// send text/plain without asking anybody.
func (a *API) withOriginCheck(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			writeProblem(w, newProblem(r.Context(), problem.New(problem.Forbidden, "Another site's page sent this request.").
				WithCode("cross_origin")))
			return
		}
		if r.ContentLength != 0 && !isJSON(r.Header.Get("Content-Type")) {
			p := newProblem(r.Context(), problem.New(problem.Invalid, "A body must be JSON, and say so.").
				WithFix("Send Content-Type: application/json."))
			p.Status = http.StatusUnsupportedMediaType
			writeProblem(w, p)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody+1)
		next.ServeHTTP(w, r)
	})
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}
