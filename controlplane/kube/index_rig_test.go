package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// as is the header in which the stand-in reads who asks, as an agent would set it.
const as = "Impersonate-Group"

const indexGroup = "kubechat:index"

// served are the kinds of the stand-in: paths of their lists, as a real server has them.
var served = []metav1.APIResource{
	{Name: "namespaces", Kind: "Namespace", SingularName: "namespace", Version: "v1"},
	{Name: "pods", Kind: "Pod", SingularName: "pod", Version: "v1", Namespaced: true},
	{Name: "services", Kind: "Service", SingularName: "service", Version: "v1", Namespaced: true},
	{Name: "configmaps", Kind: "ConfigMap", SingularName: "configmap", Version: "v1", Namespaced: true},
	{Name: "secrets", Kind: "Secret", SingularName: "secret", Version: "v1", Namespaced: true},
	{Name: "deployments", Kind: "Deployment", SingularName: "deployment", Group: "apps", Version: "v1", Namespaced: true},
	{Name: "replicasets", Kind: "ReplicaSet", SingularName: "replicaset", Group: "apps", Version: "v1", Namespaced: true},
}

// server is an API server over a cluster's objects, as metadata only: discovery, lists in pages, watches with bookmarks,
// reviews of access, and a change of labels. What is in a cluster, who may see it and what goes wrong is the test's to say.
type server struct {
	mu       sync.Mutex                              // guards the rest
	version  int                                     // of the last change
	objects  map[string]metav1.PartialObjectMetadata // by "pods/shop/web-1"
	sorted   []string                                // what objects has, in order; nil after a change
	log      []happening                             // all changes
	moved    chan struct{}                           // closed at the next change, of whatever
	forbid   map[string]bool                         // "viewer pods", "viewer pods/bank", "viewer pods/": may not be listed at all, there, everywhere at once
	hidden   string                                  // a namespace that an agent's local policy has closed: lists leave it out
	noReview bool                                    // reviews are refused
	mute     bool                                    // watches bring nothing, not even bookmarks
	stuck    map[string]bool                         // "viewer": requests of theirs are not answered
	cut      bool                                    // watches break
	away     bool                                    // everything breaks
	way      time.Duration                           // there and back, for each request
	asked    map[string]int                          // "viewer list pods" -> requests
}

type happening struct {
	kind string
	typ  string // of a watch's event
	o    metav1.PartialObjectMetadata
}

func newServer() *server {
	return &server{
		version: 100, objects: map[string]metav1.PartialObjectMetadata{}, moved: make(chan struct{}), forbid: map[string]bool{indexGroup + " secrets": true, indexGroup + " configmaps": true},
		asked: map[string]int{}, stuck: map[string]bool{},
	}
}

func (s *server) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.sorted = nil
	close(s.moved)
	s.moved = make(chan struct{})
}

// put makes or changes an object: "pods/shop/web-1", with its labels.
func (s *server) put(at string, labels map[string]string, owner ...string) (version string) {
	kind, ns, name := parts(at)
	s.change(func() {
		s.version++
		version = strconv.Itoa(s.version)
		o := metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, ResourceVersion: version, Labels: labels, UID: "u"},
		}
		if len(owner) > 0 {
			yes := true
			o.OwnerReferences = []metav1.OwnerReference{{Kind: owner[0], Name: owner[1], Controller: &yes}}
		}
		typ := "ADDED"
		if _, ok := s.objects[at]; ok {
			typ = "MODIFIED"
		}
		s.objects[at] = o
		s.log = append(s.log, happening{kind, typ, o})
	})
	return version
}

func (s *server) remove(at string) {
	kind, _, _ := parts(at)
	s.change(func() {
		s.version++
		o := s.objects[at]
		o.ResourceVersion = strconv.Itoa(s.version)
		delete(s.objects, at)
		s.log = append(s.log, happening{kind, "DELETED", o})
	})
}

func parts(at string) (kind, namespace, name string) {
	p := strings.Split(at, "/")
	return p[0], p[1], p[2]
}

func (s *server) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[what]
}

// reset forgets what was asked so far.
func (s *server) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.asked)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	away, stuck, way := s.away, s.stuck[r.Header.Get(as)], s.way
	s.mu.Unlock()
	if way > 0 {
		<-time.After(way) // the bubble's clock
	}
	if stuck {
		<-r.Context().Done()
	}
	if away || stuck {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	group, rest := "", strings.TrimPrefix(r.URL.Path, "/api")
	if after, ok := strings.CutPrefix(rest, "s/apps"); ok {
		group, rest = "apps", after
	}
	p := strings.Split(strings.Trim(rest, "/"), "/") // v1, namespaces, shop, pods, web-1
	switch {
	case r.URL.Path == "/api":
		say(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case r.URL.Path == "/apis":
		v := metav1.GroupVersionForDiscovery{GroupVersion: "apps/v1", Version: "v1"}
		say(w, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{
			{Name: "apps", Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v},
		}})
	case len(p) == 1:
		s.discover(w, group)
	case strings.HasSuffix(r.URL.Path, "selfsubjectaccessreviews"):
		s.review(w, r)
	case len(p) == 2:
		s.collection(w, r, p[1], "")
	case len(p) == 4:
		s.collection(w, r, p[3], p[2])
	case len(p) == 5:
		s.object(w, r, p[3]+"/"+p[2]+"/"+p[4])
	default:
		fail(w, 404, metav1.StatusReasonNotFound)
	}
}

func say(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) } // the client notices what is cut off

func fail(w http.ResponseWriter, code int32, reason metav1.StatusReason) {
	w.WriteHeader(int(code))
	say(w, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: reason, Code: code})
}

func (s *server) discover(w http.ResponseWriter, group string) {
	out := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: strings.TrimPrefix(group+"/v1", "/")}
	for _, r := range served {
		if r.Group == group {
			r.Verbs = metav1.Verbs{"get", "list", "watch", "delete", "patch"}
			out.APIResources = append(out.APIResources, r)
		}
	}
	say(w, out)
}

// may is what RBAC says; mu is held.
func (s *server) may(who, kind, ns string) bool {
	return !s.forbid[who] && !s.forbid[who+" "+kind] && !s.forbid[who+" "+kind+"/"+ns]
}

func (s *server) review(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Spec struct {
			ResourceAttributes struct{ Verb, Resource, Namespace string }
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&q) // an empty question is answered no
	a := q.Spec.ResourceAttributes
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.Header.Get(as)+" review"]++
	if s.noReview {
		fail(w, 403, metav1.StatusReasonForbidden)
		return
	}
	w.WriteHeader(http.StatusCreated)
	say(w, map[string]any{"status": map[string]any{"allowed": a.Verb == "list" && s.may(r.Header.Get(as), a.Resource, a.Namespace)}})
}

func (s *server) collection(w http.ResponseWriter, r *http.Request, kind, ns string) {
	who, verb := r.Header.Get(as), "list"
	watch := r.URL.Query().Get("watch") == "true"
	if watch {
		verb = "watch"
	}
	s.mu.Lock()
	s.asked[who+" "+verb+" "+kind]++
	may := s.may(who, kind, ns)
	s.mu.Unlock()
	switch {
	case !may:
		fail(w, 403, metav1.StatusReasonForbidden)
	case watch:
		s.watch(w, r, kind)
	default:
		s.list(w, r, kind, ns)
	}
}

func (s *server) list(w http.ResponseWriter, r *http.Request, kind, ns string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: "meta.k8s.io/v1"}}
	out.ResourceVersion = strconv.Itoa(s.version)
	after, limit := r.URL.Query().Get("continue"), 1<<30
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		limit = n
	}
	if s.sorted == nil {
		s.sorted = slices.Sorted(maps.Keys(s.objects))
	}
	for _, at := range s.sorted {
		if k, space, _ := parts(at); k != kind || ns != "" && space != ns || at <= after || space != "" && space == s.hidden {
			continue
		}
		if len(out.Items) == limit {
			out.Continue = out.Items[limit-1].Annotations["at"]
			break
		}
		o := s.objects[at]
		o.Annotations = map[string]string{"at": at}
		out.Items = append(out.Items, o)
	}
	say(w, out)
}

// watch sends what has changed since a version, and a bookmark each minute.
func (s *server) watch(w http.ResponseWriter, r *http.Request, kind string) {
	seconds, err := strconv.Atoi(r.URL.Query().Get("timeoutSeconds"))
	since, err2 := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil || err2 != nil {
		fail(w, 400, metav1.StatusReasonBadRequest)
		return
	}
	end, minute := time.NewTimer(time.Duration(seconds)*time.Second), time.NewTicker(time.Minute)
	defer end.Stop()
	defer minute.Stop()
	flush := http.NewResponseController(w).Flush
	_ = flush() // the client notices what is cut off
	for next := 0; ; {
		s.mu.Lock()
		if s.away || s.cut {
			s.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		moved, mute, now := s.moved, s.mute, s.version
		for ; next < len(s.log) && !mute; next++ {
			if c := s.log[next]; c.kind == kind && atoi(c.o.ResourceVersion) > since {
				say(w, map[string]any{"type": c.typ, "object": c.o})
			}
		}
		s.mu.Unlock()
		_ = flush()
		select {
		case <-r.Context().Done():
			return
		case <-end.C:
			return
		case <-moved:
		case <-minute.C:
			if !mute {
				say(w, map[string]any{"type": "BOOKMARK", "object": metav1.PartialObjectMetadata{
					TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}, ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(now)},
				}})
			}
		}
	}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("the stand-in's versions are numbers: " + s)
	}
	return n
}

// object answers and changes one object: a PATCH sets its labels, a DELETE takes it away.
func (s *server) object(w http.ResponseWriter, r *http.Request, at string) {
	s.mu.Lock()
	o, ok := s.objects[at]
	s.mu.Unlock()
	if !ok {
		fail(w, 404, metav1.StatusReasonNotFound)
		return
	}
	kind, _, _ := parts(at)
	switch r.Method {
	case http.MethodPatch:
		var patch struct {
			Metadata struct{ Labels map[string]string }
		}
		_ = json.NewDecoder(r.Body).Decode(&patch) // an empty patch changes nothing
		labels := maps.Clone(o.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, patch.Metadata.Labels)
		o.ResourceVersion, o.Labels = s.put(at, labels), labels
	case http.MethodDelete:
		s.remove(at)
	}
	o.TypeMeta = metav1.TypeMeta{Kind: kindOf(kind), APIVersion: "v1"}
	if kind == "deployments" || kind == "replicasets" {
		o.APIVersion = "apps/v1"
	}
	say(w, o)
}

func kindOf(plural string) string {
	i := slices.IndexFunc(served, func(r metav1.APIResource) bool { return r.Name == plural })
	return served[i].Kind
}

// world is a service over some clusters, within a bubble of its own time. Requests go over connections in memory, each
// over one of its own as through a tunnel.
type world struct {
	t        *testing.T
	clusters *Clusters
	stop     func() // ends what Clusters.Run does
	servers  map[indexKey]*server
	dials    map[indexKey]func(context.Context, string, string) (net.Conn, error)
}

const (
	acme = tenant.ID("acme")
	prod = cluster.ID("prod")
)

// inWorld runs a test in a bubble, with one cluster of one tenant. What is left running after it fails it.
func inWorld(t *testing.T, change func(*Config), test func(t *testing.T, w *world, s *server)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, servers: map[indexKey]*server{}, dials: map[indexKey]func(context.Context, string, string) (net.Conn, error){}}
		c := Config{
			Transport: func(scope tenant.Scope, id cluster.ID) http.RoundTripper {
				return w.transport(indexKey{scope.Tenant, id}, string(scope.Member))
			},
			Index: func(t tenant.ID, id cluster.ID) http.RoundTripper { return w.transport(indexKey{t, id}, indexGroup) },
		}
		if change != nil {
			change(&c)
		}
		var err error
		if w.clusters, err = New(c); err != nil {
			t.Fatal(err)
		}
		s := w.add(acme, prod)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1) // Run's one result
		go func() { ended <- w.clusters.Run(ctx) }()
		w.stop = sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		test(t, w, s)
		w.stop()
	})
}

// add gives a tenant a cluster with a small shop in it.
func (w *world) add(t tenant.ID, id cluster.ID) *server {
	s := newServer()
	l := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: s}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l) // it ends with ErrServerClosed
	}()
	w.t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	w.servers[indexKey{t, id}], w.dials[indexKey{t, id}] = s, l.dial
	for _, ns := range []string{"shop", "bank"} {
		s.put("namespaces//"+ns, nil)
	}
	s.put("deployments/shop/web", map[string]string{"app": "web"})
	s.put("pods/shop/web-1", map[string]string{"app": "web"}, "ReplicaSet", "web")
	s.put("pods/bank/vault-1", map[string]string{"app": "vault"})
	s.put("secrets/shop/db", nil)
	s.put("configmaps/shop/settings", nil)
	return s
}

func (w *world) transport(key indexKey, who string) http.RoundTripper {
	t := &http.Transport{DialContext: w.dials[key], DisableKeepAlives: true}
	return transport(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set(as, who)
		return t.RoundTrip(r)
	})
}

// open opens the first cluster for a member.
func (w *world) open(who string) *Cluster { return w.openOf(acme, prod, who) }

func (w *world) openOf(t tenant.ID, id cluster.ID, who string) *Cluster {
	w.t.Helper()
	c, err := w.clusters.Open(w.t.Context(), tenant.Scope{Tenant: t, Member: tenant.MemberID(who)}, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.(*Cluster)
}

// later lets time pass, which is the bubble's: no test waits.
func (w *world) later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// words are what a member may hear now: as long as words are kept has passed.
func (w *world) words(who string) *nlp.Vocabulary {
	w.t.Helper()
	w.later(31 * time.Second)
	return w.wordsNow(w.open(who))
}

func (w *world) wordsNow(c *Cluster) *nlp.Vocabulary {
	w.t.Helper()
	v, err := c.Vocabulary(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait() // what a question sets going has come to rest
	return v
}

// listed is what listing as the member gives.
func (w *world) listed(who string) *nlp.Vocabulary {
	w.t.Helper()
	v, err := w.open(who).load(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// index is the first cluster's.
func (w *world) index() *index {
	w.clusters.indexes.mu.Lock()
	defer w.clusters.indexes.mu.Unlock()
	return w.clusters.indexes.all[indexKey{acme, prod}]
}

// named lists all names of a kind.
func named(v *nlp.Vocabulary, kind string) string {
	var out []string
	for _, o := range v.Objects(kind, "") {
		out = append(out, strings.TrimPrefix(o.Namespace+"/"+o.Name, "/"))
	}
	return strings.Join(out, " ")
}

// same compares all that two vocabularies know.
func same(t *testing.T, got, want *nlp.Vocabulary) {
	t.Helper()
	if got.Version() != want.Version() || fmt.Sprint(got.Namespaces()) != fmt.Sprint(want.Namespaces()) {
		t.Errorf("version %s of %v, not %s of %v", got.Version(), got.Namespaces(), want.Version(), want.Namespaces())
	}
	for _, k := range want.Kinds() {
		if g, l := fmt.Sprintf("%+v", got.Objects(k.Key(), "")), fmt.Sprintf("%+v", want.Objects(k.Key(), "")); g != l {
			t.Errorf("%s: %s, not %s", k.Key(), g, l)
		}
	}
}

// memoryListener hands connections to a server without a network, so that its clients' time is the bubble's.
type memoryListener struct {
	conns  chan net.Conn // unbuffered: a dial is answered when it is accepted
	closed chan struct{} // closed by Close
	once   sync.Once
}

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }
