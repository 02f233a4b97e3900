package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
)

var (
	unconnected = regexp.MustCompile(`(?i)connection refused|no such host|i/o timeout|timed out|unreachable|could not (?:resolve|connect)|connection reset|name resolution|server misbehaving|ECONNREFUSED|ENOTFOUND`)
	nameless    = regexp.MustCompile(`(?i)server misbehaving|temporary failure in name resolution|lookup [^ ]+ on [^ ]+: .*i/o timeout|EAI_AGAIN`)
	inCluster   = regexp.MustCompile(`\b([a-z][a-z0-9-]{0,62})\.([a-z][a-z0-9-]{0,62})(?:\.svc(?:\.[a-z0-9.-]+)?)?(?::\d+|\b)`)
	shortHost   = regexp.MustCompile(`(?i)(?:lookup|host(?:name)?|connect(?:ing)? to|ENOTFOUND|ECONNREFUSED|address)[ :="']+([a-z][a-z0-9-]{1,62})(?::\d+|[ "',:]|$)`)
)

// pointers follows what a program's last words point to: a service it can't reach, cluster DNS, a right it lacks.
func (s *session) pointers(o object, said string, f *finding) {
	if m := cannot.FindStringSubmatch(said); m != nil {
		s.lacks(o, m, f)
	}
	for _, line := range strings.Split(said, "\n") {
		if !unconnected.MatchString(line) {
			continue
		}
		s.unreached(o, line, f)
		if nameless.MatchString(line) {
			s.nameService(o)
		}
		return // the first one: what follows is usually the same once more
	}
}

// unreached looks at the service that a line of a log says can't be reached, if it is one of the cluster's.
func (s *session) unreached(o object, line string, f *finding) {
	type place struct{ ns, name string }
	var places []place
	for _, m := range inCluster.FindAllStringSubmatch(line, 2) {
		places = append(places, place{m[2], m[1]})
	}
	if m := shortHost.FindStringSubmatch(line); m != nil {
		places = append(places, place{o.GetNamespace(), m[1]})
	}
	for _, p := range places {
		who := key{"Service", p.ns, p.name}.String()
		svc, err := s.get(services, p.ns, p.name)
		switch {
		case err == nil:
			s.look(svc, o.key())
			f.Related = append(f.Related, who)
			return
		case apierrors.IsNotFound(err) && strings.Contains(line, p.name) && s.isNamespace(p.ns):
			f.Cause = strings.TrimSuffix(f.Cause, ".") + fmt.Sprintf(". There is no service %s in %s.", p.name, p.ns)
			f.Evidence = append(f.Evidence, Evidence{Path: "metadata.name", Value: "not found", Object: who})
			f.Next = fmt.Sprintf("Create the service %s in %s, or correct the address.", p.name, p.ns)
			return
		}
	}
}

// isNamespace keeps "example.com" from being taken for service example in namespace com.
func (s *session) isNamespace(name string) bool {
	if name == s.target.Namespace {
		return true
	}
	_, err := s.get(namespaces, "", name)
	return err == nil
}

// nameService looks at cluster DNS.
func (s *session) nameService(o object) {
	for _, d := range s.list(deployments, "kube-system", labels.SelectorFromSet(labels.Set{"k8s-app": "kube-dns"})) {
		s.look(d, o.key())
	}
}

// noLog notes why a log is no evidence, if it is for want of rights.
func (s *session) noLog(err error) {
	if apierrors.IsForbidden(err) {
		s.left("Could not read logs: that is not allowed.")
	}
}
