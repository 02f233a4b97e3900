package diagnose

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// soon is how long before its end a certificate is called expiring.
const soon = 14 * 24 * time.Hour

var webhookRules = []rule{
	{"its service is dead", webhookServices},
	{"its certificate authority is expiring", func(s *session, o object) []finding {
		for _, w := range o.maps("webhooks") {
			if f := s.bundle(text(w, "clientConfig", "caBundle"), "webhooks["+text(w, "name")+"].clientConfig.caBundle"); f != nil {
				return f
			}
		}
		return nil
	}},
}

// webhookServices: a webhook that must be asked and does not answer keeps everything from being made.
func webhookServices(s *session, o object) []finding {
	var out []finding
	for _, w := range o.maps("webhooks") {
		name, ns := text(w, "clientConfig", "service", "name"), text(w, "clientConfig", "service", "namespace")
		if name == "" {
			continue // it is asked by address, outside the cluster
		}
		why, evidence := s.dead(o, ns, name)
		if why == "" {
			continue
		}
		f := Finding{
			Reason: "WebhookUnavailable", Severity: Critical, Text: fmt.Sprintf("Its webhook %s can't be asked: %s. What it must be asked about (%s) is refused.", text(w, "name"), why, askedAbout(w)),
			Evidence: append([]Evidence{{Path: "webhooks[" + text(w, "name") + "].failurePolicy", Value: cmp.Or(text(w, "failurePolicy"), "Fail")}, {Path: "webhooks[" + text(w, "name") + "].clientConfig.service", Value: ns + "/" + name}}, evidence...),
			Next:     "Bring the service back; to go on at once, delete the webhook's configuration or set its failurePolicy to Ignore.", Related: []string{key{"Service", ns, name}.String()},
		}
		if text(w, "failurePolicy") == "Ignore" {
			f.Severity, f.Text = Warning, fmt.Sprintf("Its webhook %s can't be asked: %s. It is passed over, so it checks nothing.", text(w, "name"), why)
		}
		out = append(out, finding{Finding: f})
	}
	return out
}

// askedAbout says what a webhook is asked about: "pods, deployments".
func askedAbout(w map[string]any) string {
	var out []string
	for _, r := range maps(w, "rules") {
		out = append(out, words(r, "resources")...)
	}
	return some(out, 4)
}

// dead tells why a service can't answer, "" if it can or nobody may know.
func (s *session) dead(from object, ns, name string) (string, []Evidence) {
	who := key{"Service", ns, name}.String()
	svc, err := s.get(services, ns, name)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("its service %s/%s does not exist", ns, name), []Evidence{{Path: "metadata.name", Value: "not found", Object: who}}
	}
	if err != nil {
		return "", nil
	}
	sel, ok := svc.selector()
	if !ok {
		return "", nil
	}
	list, complete := s.tryList(pods, ns, sel)
	if !complete {
		return "", nil
	}
	for _, p := range list {
		if p.ready() {
			return "", nil
		}
	}
	s.look(svc, from.key())
	return fmt.Sprintf("no pod behind its service %s/%s is ready", ns, name), []Evidence{with(svc, "spec", "selector")}
}

var apiServiceRules = []rule{{"it does not answer", func(s *session, o object) []finding {
	c := o.condition("Available")
	name := o.text("spec", "service", "name")
	if !c.is("False") || name == "" {
		return nil
	}
	s.dead(o, o.text("spec", "service", "namespace"), name)
	return one(Finding{
		Reason: cmp.Or(c.reason, "APIServiceUnavailable"), Severity: Warning, Text: "The API that it adds does not answer: " + sentence(c.message), Evidence: []Evidence{c.evidence(), o.cite("spec", "service")},
		Cause: "Its service or the pods behind it do not answer.", Next: "Look at the service; until it answers, its kinds can't be read and namespaces can't be deleted.",
	})
}}}

var certificateRules = []rule{
	{"its issuer is not there", issuerMissing},
	{"it is not issued", certificateReady},
	{"it ends soon", certificateEnds},
}

// issuerMissing: the certificate names an issuer that does not exist where it looks for it.
func issuerMissing(s *session, o object) []finding {
	ref, _ := at(o.Object, "spec", "issuerRef").(map[string]any)
	name, kind := text(ref, "name"), cmp.Or(text(ref, "kind"), "Issuer")
	if o.condition("Ready").is("True") || name == "" || cmp.Or(text(ref, "group"), certManager) != certManager || kind != "Issuer" && kind != "ClusterIssuer" {
		return nil
	}
	gvr, who := v1(certManager, strings.ToLower(kind)+"s"), key{kind, "", name}
	if kind == "Issuer" {
		who.namespace = o.GetNamespace()
	}
	if !s.missing(gvr, who.namespace, name) {
		return nil
	}
	f := Finding{
		Reason: "IssuerNotFound", Severity: Critical, Text: fmt.Sprintf("It can't be issued: its %s does not exist.", who),
		Evidence: []Evidence{o.cite("spec", "issuerRef"), {Path: "metadata.name", Value: "not found", Object: who.String()}},
		Next:     "Name an issuer that exists, or create this one.",
	}
	if c := o.condition("Ready"); c.status != "" {
		f.Evidence = append(f.Evidence, c.evidence())
	}
	var elsewhere []string
	if kind == "Issuer" {
		for _, i := range s.list(gvr, "", nil) {
			if i.GetName() == name {
				elsewhere = append(elsewhere, i.GetNamespace())
			}
		}
	}
	if len(elsewhere) > 0 {
		f.Cause = fmt.Sprintf("An Issuer works in its own namespace only, and %s is in %s.", name, some(elsewhere, 3))
		f.Next = "Create the issuer here too, or use a ClusterIssuer."
	}
	return one(f)
}

func certificateReady(s *session, o object) []finding {
	c := o.condition("Ready")
	if !c.is("False") {
		return nil
	}
	if issuing := o.condition("Issuing"); issuing.is("True") && s.at.Sub(o.since("Issuing")) < 5*time.Minute {
		return nil
	}
	f := finding{Finding: Finding{
		Reason: cmp.Or(c.reason, "CertificateNotReady"), Severity: Critical, Text: "It is not issued" + because(c.message), Evidence: []Evidence{c.evidence(), o.cite("spec", "secretName"), o.cite("spec", "issuerRef")},
		Next: "Look at its CertificateRequest and its issuer.",
	}, began: o.since("Ready")}
	if end := when(o.Object, "status", "notAfter"); end.After(s.at.Add(soon)) {
		f.Severity = Warning // what is there still holds
	}
	if e, ok := s.event(o, "Failed", "ErrGetKeyPair", "OrderFailed", "BadConfig", "IssuerNotFound"); ok {
		f.Evidence, f.when = append(f.Evidence, citeEvent(e)), lastSeen(e)
	}
	return []finding{f}
}

func certificateEnds(s *session, o object) []finding {
	end := when(o.Object, "status", "notAfter")
	renew := when(o.Object, "status", "renewalTime")
	if end.IsZero() || end.After(s.at.Add(soon)) || !renew.IsZero() && renew.After(s.at.Add(-time.Hour)) {
		return nil // short-lived ones are renewed when it is time
	}
	return s.ends(end, Evidence{Path: "status.notAfter", Value: end.UTC().Format(time.RFC3339)}, "See why it is not renewed: its CertificateRequest, its issuer, the controller.")
}

// ends is the finding of a certificate that has ended, or is about to.
func (s *session) ends(end time.Time, cited Evidence, next string) []finding {
	if s.at.After(end) {
		return one(Finding{Reason: "CertificateExpired", Severity: Critical, Text: fmt.Sprintf("Its certificate ended %s ago.", ago(s.at.Sub(end))), Evidence: []Evidence{cited}, Next: next})
	}
	return one(Finding{Reason: "CertificateExpiring", Severity: Warning, Text: fmt.Sprintf("Its certificate ends in %s.", ago(end.Sub(s.at))), Evidence: []Evidence{cited}, Next: next})
}

// bundle looks at the certificates that a configuration has in itself; they are public.
func (s *session) bundle(encoded, path string) []finding {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) == 0 {
		return nil
	}
	var last time.Time
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	if last.IsZero() || last.After(s.at.Add(soon)) {
		return nil
	}
	return s.ends(last, Evidence{Path: path, Value: "not after " + last.UTC().Format(time.RFC3339)}, "Renew the certificate authority and put the new one here.")
}

// secretRules see the metadata of a Secret only. Some issuers write a certificate's end into an annotation.
var secretRules = []rule{{"its certificate ends soon", func(s *session, o object) []finding {
	for _, k := range sortedKeys(o.GetAnnotations()) {
		low := strings.ToLower(k)
		if !strings.HasSuffix(low, "/expiry") && !strings.HasSuffix(low, "not-after") && !strings.HasSuffix(low, "expires") && !strings.HasSuffix(low, "expires-at") {
			continue
		}
		end, err := time.Parse(time.RFC3339, o.GetAnnotations()[k])
		if err == nil && !end.After(s.at.Add(soon)) {
			return s.ends(end, Evidence{Path: "metadata.annotations[" + k + "]", Value: o.GetAnnotations()[k]}, "Renew the certificate.")
		}
	}
	return nil
}}}

// custom is for kinds without rules of their own: what their status says by the conventions of the API.
var custom = analyzer{first: true, rules: []rule{
	{"a condition says that it is not well", badCondition},
	{"its phase says so", badPhase},
	{"its newest warning", newestWarning},
}}

var wellConditions = []string{"Ready", "Available", "Healthy", "Synced", "Reconciled", "Established", "Succeeded", "Accepted", "Programmed"}

func badCondition(_ *session, o object) []finding {
	for _, kind := range wellConditions {
		c := o.condition(kind)
		if !c.is("False") || strings.Contains(strings.ToLower(c.reason), "progress") || c.reason == "Pending" {
			continue
		}
		return []finding{{Finding: Finding{
			Reason: cmp.Or(c.reason, "Not"+kind), Severity: Critical, Text: fmt.Sprintf("Its condition %s does not hold%s", kind, because(c.message)), Evidence: []Evidence{c.evidence()}, Next: "Look at its controller.",
		}, began: o.since(kind)}}
	}
	for _, kind := range []string{"Stalled", "Degraded", "Failed"} {
		if c := o.condition(kind); c.is("True") {
			return one(Finding{Reason: cmp.Or(c.reason, kind), Severity: Critical, Text: "It is " + strings.ToLower(kind) + because(c.message), Evidence: []Evidence{c.evidence()}, Next: "Look at its controller."})
		}
	}
	return nil
}

func badPhase(_ *session, o object) []finding {
	for _, path := range [][]string{{"status", "phase"}, {"status", "state"}, {"status", "health", "status"}} {
		switch v := o.text(path...); strings.ToLower(v) {
		case "failed", "error", "degraded", "unhealthy":
			return one(Finding{Reason: capital(v), Severity: Critical, Text: "Its status is " + v + because(o.text("status", "message")), Evidence: []Evidence{o.cite(path...)}, Next: "Look at its controller."})
		}
	}
	return nil
}

// newestWarning of the last hour, of what was asked for: there is nothing better to go by.
func newestWarning(s *session, o object) []finding {
	if !s.named(o) {
		return nil
	}
	for _, e := range s.eventsOf(o) {
		if e.text("type") != "Warning" || s.at.Sub(lastSeen(e)) > time.Hour && !lastSeen(e).IsZero() {
			continue
		}
		return []finding{{Finding: Finding{
			Reason: e.text("reason"), Severity: Warning, Text: "Its newest warning says: " + sentence(e.text("message")), Evidence: []Evidence{citeEvent(e)}, Next: "Look at its controller.",
		}, when: lastSeen(e), began: firstSeen(e)}}
	}
	return nil
}
