package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var ingressRules = []rule{
	{"nobody serves it", ingressClass},
	{"the services it sends to", ingressBackends},
	{"its certificates", ingressTLS},
}

const (
	classAnnotation = "kubernetes.io/ingress.class"
	defaultClass    = "ingressclass.kubernetes.io/is-default-class"
)

func ingressClass(s *session, o object) []finding {
	class := o.text("spec", "ingressClassName")
	if class == "" && o.GetAnnotations()[classAnnotation] != "" {
		return nil // the old way: the controller alone knows
	}
	list, complete := s.tryList(ingressClasses, "", nil)
	if !complete {
		return nil
	}
	var have []string
	for _, c := range list {
		if c.GetName() == class || class == "" && c.GetAnnotations()[defaultClass] == "true" {
			return nil
		}
		have = append(have, c.GetName())
	}
	f := Finding{
		Reason: "IngressClassNotFound", Severity: Critical, Text: fmt.Sprintf("Its class %s does not exist, so no controller serves it.", class), Evidence: []Evidence{o.cite("spec", "ingressClassName")},
		Next: "Name a class that exists.",
	}
	if class == "" {
		if len(o.maps("status", "loadBalancer", "ingress")) > 0 {
			return nil // somebody serves it all the same
		}
		f.Severity, f.Text = Warning, "It names no class, and no class is the default, so probably no controller serves it."
	}
	if len(have) > 0 {
		f.Next = "Name a class that exists: " + some(have, 5) + "."
		f.Evidence = append(f.Evidence, Evidence{Path: "ingressclasses", Value: strings.Join(have, ", "), Object: "the cluster"})
	}
	return one(f)
}

// backend is where an ingress or a route sends requests to.
type backend struct {
	namespace, name string
	port            any
	path            string // of the field
}

func ingressBackends(s *session, o object) []finding {
	var list []backend
	take := func(m map[string]any, path string) {
		if name := text(m, "service", "name"); name != "" {
			port := at(m, "service", "port", "number")
			if port == nil {
				port = at(m, "service", "port", "name")
			}
			list = append(list, backend{o.GetNamespace(), name, port, path})
		}
	}
	if m, ok := at(o.Object, "spec", "defaultBackend").(map[string]any); ok {
		take(m, "spec.defaultBackend.service")
	}
	for _, r := range o.maps("spec", "rules") {
		for _, p := range maps(r, "http", "paths") {
			m, _ := p["backend"].(map[string]any)
			take(m, fmt.Sprintf("spec.rules[%s].http.paths[%s].backend.service", cmp.Or(text(r, "host"), "*"), cmp.Or(text(p, "path"), "/")))
		}
	}
	return s.backends(o, list)
}

// backends leads to the services, and finds those that are not there or have no such port.
func (s *session) backends(o object, list []backend) []finding {
	var out []finding
	seen := map[string]bool{}
	for _, b := range list {
		id := b.namespace + "/" + b.name + "/" + show(b.port)
		if seen[id] {
			continue
		}
		seen[id] = true
		who := key{"Service", b.namespace, b.name}.String()
		svc, err := s.get(services, b.namespace, b.name)
		if apierrors.IsNotFound(err) {
			out = append(out, finding{Finding: Finding{
				Reason: "ServiceNotFound", Severity: Critical, Text: fmt.Sprintf("It sends requests to the service %s, which does not exist.", b.name),
				Evidence: []Evidence{{Path: b.path + ".name", Value: b.name}, {Path: "metadata.name", Value: "not found", Object: who}}, Next: "Create the service, or name another one.", Related: []string{who},
			}})
			continue
		}
		if err != nil {
			continue
		}
		s.look(svc, o.key())
		if b.port == nil || hasPort(svc, b.port) {
			continue
		}
		out = append(out, finding{Finding: Finding{
			Reason: "ServicePortNotFound", Severity: Critical, Text: fmt.Sprintf("It sends requests to port %s of the service %s, which has no such port.", show(b.port), b.name),
			Evidence: []Evidence{{Path: b.path + ".port", Value: show(b.port)}, {Path: "spec.ports", Value: portsOf(svc), Object: who}}, Next: "Name a port that the service has.", Related: []string{who},
		}})
	}
	return out
}

func hasPort(svc object, port any) bool {
	for _, p := range svc.maps("spec", "ports") {
		if show(p["port"]) == show(port) || text(p, "name") == show(port) {
			return true
		}
	}
	return false
}

func portsOf(svc object) string {
	var out []string
	for _, p := range svc.maps("spec", "ports") {
		out = append(out, strings.Trim(text(p, "name")+":"+show(p["port"]), ":"))
	}
	return strings.Join(out, ", ")
}

// ingressTLS: the secrets that it takes its certificates from. Without the right to look nothing is said.
func ingressTLS(s *session, o object) []finding {
	var out []finding
	for i, t := range o.maps("spec", "tls") {
		name := text(t, "secretName")
		if name == "" {
			continue
		}
		who := key{"Secret", o.GetNamespace(), name}.String()
		sec, err := s.get(secrets, o.GetNamespace(), name)
		if err == nil {
			s.look(sec, o.key())
			continue
		}
		if !s.missing(secrets, o.GetNamespace(), name) {
			continue
		}
		f := Finding{
			Reason: "TLSSecretNotFound", Severity: Critical, Text: fmt.Sprintf("Its certificate should be in the secret %s, which does not exist.", name),
			Evidence: []Evidence{{Path: fmt.Sprintf("spec.tls[%d].secretName", i), Value: name}, {Path: "metadata.name", Value: "not found", Object: who}}, Next: "Create the secret, or see why its certificate is not issued.", Related: []string{who},
		}
		for _, c := range s.list(certificates, o.GetNamespace(), nil) {
			if c.text("spec", "secretName") == name {
				s.look(c, o.key())
				f.Related = append(f.Related, c.key().String())
			}
		}
		out = append(out, finding{Finding: f, echo: true})
	}
	return out
}
