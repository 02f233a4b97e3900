package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"golang.org/x/sync/errgroup"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

const (
	listsAtOnce   = 8
	asksAtOnce    = 16 // where most are questions of whether something may be listed
	pageSize      = 500
	maxPerKind    = 5000 // beyond this a kind's names are not suggested; they can still be typed in a kubectl line
	detailTimeout = 3 * time.Second
	maxAskedIn    = 20 // namespaces that are asked one by one when the whole cluster may not be listed
)

// VocabularyOptions say more about the session; the zero value will do.
type VocabularyOptions struct {
	Cluster   string // the name people know the cluster by
	Namespace string // of the session; empty is "default"
}

// LoadVocabulary reads what the identity of cfg may name: kinds by discovery, objects as metadata only. A kind that it
// may not list contributes nothing, and no error. Details are fetched one object at a time, when a sentence needs them.
func LoadVocabulary(ctx context.Context, cfg *rest.Config, opts ...VocabularyOptions) (*nlp.Vocabulary, error) {
	var o VocabularyOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	return loadVocabulary(ctx, cfg, o, nil)
}

// loadVocabulary takes from the index what the asker may list; without one, or what it does not have, is listed.
func loadVocabulary(ctx context.Context, cfg *rest.Config, o VocabularyOptions, from *fromIndex) (*nlp.Vocabulary, error) {
	c := rest.CopyConfig(cfg)
	c.QPS = -1 // the number of lists is bounded here
	disco, err := discovery.NewDiscoveryClientForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("make a discovery client: %w", err)
	}
	meta, err := metadata.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("make a metadata client: %w", err)
	}
	dyn, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	kinds, err := discoverKinds(disco)
	if err != nil {
		return nil, err
	}
	l := &lister{meta: meta, session: o.Namespace, from: from}
	if err := l.namespaces(ctx); err != nil {
		return nil, err
	}
	objects, err := l.objects(ctx, kinds)
	if err != nil {
		return nil, err
	}
	d := &detailer{dyn: dyn, kinds: kinds, known: map[string]nlp.Details{}}
	return nlp.NewVocabulary(nlp.VocabularyConfig{
		Cluster: o.Cluster, Namespace: o.Namespace, Version: versionOf(kinds, objects), Kinds: kinds, Namespaces: l.spaces, Objects: objects,
		Details: d.details,
	}), nil
}

// discoverKinds asks the server what it serves, in preferred versions. Groups whose servers are away are left out.
func discoverKinds(disco discovery.DiscoveryInterface) ([]nlp.Kind, error) {
	lists, err := discovery.ServerPreferredResources(disco)
	if err != nil && len(lists) == 0 {
		return nil, fmt.Errorf("discover kinds: %w", err)
	}
	var kinds []nlp.Kind
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") {
				continue
			}
			kinds = append(kinds, nlp.Kind{
				Resource: nlp.Resource{Group: gv.Group, Version: gv.Version, Plural: r.Name, Kind: r.Kind, Namespaced: r.Namespaced},
				Singular: r.SingularName, ShortNames: r.ShortNames, Categories: r.Categories, Verbs: r.Verbs,
			})
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].Key() < kinds[j].Key() }) // discovery answers in any order
	return kinds, nil
}

// unlisted kinds come and go too fast to be named, or name nothing that people say.
var unlisted = map[string]bool{
	"events": true, "events.events.k8s.io": true, "leases.coordination.k8s.io": true, "endpointslices.discovery.k8s.io": true, "endpoints": true,
	"controllerrevisions.apps": true, "componentstatuses": true, "podtemplates": true, "apiservices.apiregistration.k8s.io": true,
	"flowschemas.flowcontrol.apiserver.k8s.io": true, "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": true,
}

// listable tells whether a kind's names are for a vocabulary.
func listable(k nlp.Kind) bool {
	return !unlisted[k.Key()] && k.Group != "metrics.k8s.io" && slices.Contains(k.Verbs, "list")
}

type lister struct {
	meta    metadata.Interface
	session string
	from    *fromIndex // may be nil
	spaces  []string
	mu      sync.Mutex // guards found
	found   []nlp.Object
}

func (l *lister) namespaces(ctx context.Context) error {
	if items, ok := l.from.objects(ctx, nlp.Kind{Resource: namespaces}, nil); ok {
		l.found = append(l.found, items...)
		for _, o := range items {
			l.spaces = append(l.spaces, o.Name)
		}
		slices.Sort(l.spaces)   // as a list has them
		if len(l.spaces) == 0 { // a cluster has some: these may not be listed
			l.spaces = []string{orDefault(l.session)}
		}
		return nil
	}
	items, err := l.list(ctx, schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "")
	switch {
	case quietly(err):
		l.spaces = []string{orDefault(l.session)} // the session's own is known to the asker, who named it
		return nil
	case err != nil:
		return fmt.Errorf("list namespaces: %w", err)
	}
	for _, o := range items {
		l.spaces = append(l.spaces, o.Name)
		l.found = append(l.found, object(namespaces.Key(), o))
	}
	return nil
}

func orDefault(ns string) string {
	if ns == "" {
		return metav1.NamespaceDefault
	}
	return ns
}

// quietly tells whether a list's error only means that there is nothing here for this person.
func quietly(err error) bool {
	return err != nil && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsNotAcceptable(err))
}

func (l *lister) objects(ctx context.Context, kinds []nlp.Kind) ([]nlp.Object, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(listsAtOnce)
	if l.from != nil {
		g.SetLimit(asksAtOnce)
	}
	for _, k := range kinds {
		if !listable(k) || k.Key() == namespaces.Key() {
			continue
		}
		g.Go(func() error { return l.kind(ctx, k) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sort.Slice(l.found, func(i, j int) bool {
		a, b := l.found[i], l.found[j]
		return a.Kind+"\x00"+a.Namespace+"\x00"+a.Name < b.Kind+"\x00"+b.Namespace+"\x00"+b.Name
	})
	return l.found, nil
}

// kind lists one kind: in the whole cluster, or where that is not allowed, in each namespace the asker knows.
func (l *lister) kind(ctx context.Context, k nlp.Kind) error {
	if items, ok := l.from.objects(ctx, k, l.spaces); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.found = append(l.found, items...)
		return nil
	}
	gvr := schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}
	items, err := l.list(ctx, gvr, "")
	if quietly(err) && k.Namespaced && apierrors.IsForbidden(err) {
		items, err = nil, nil
		for _, ns := range l.spaces[:min(len(l.spaces), maxAskedIn)] {
			more, e := l.list(ctx, gvr, ns)
			if e != nil && !quietly(e) {
				err = e
			}
			items = append(items, more...)
		}
	}
	if err != nil {
		if quietly(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) {
			return nil // an extension's server is away, or the kind is not for this person
		}
		return fmt.Errorf("list %s: %w", k.Key(), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range items {
		l.found = append(l.found, object(k.Key(), o))
	}
	return nil
}

func (l *lister) list(ctx context.Context, gvr schema.GroupVersionResource, ns string) ([]metav1.PartialObjectMetadata, error) {
	var out []metav1.PartialObjectMetadata
	opts := metav1.ListOptions{Limit: pageSize}
	for len(out) < maxPerKind {
		page, err := l.meta.Resource(gvr).Namespace(ns).List(ctx, opts)
		if err != nil {
			if apierrors.IsResourceExpired(err) && len(out) > 0 {
				return out, nil
			}
			return out, err
		}
		out = append(out, page.Items...)
		if opts.Continue = page.Continue; opts.Continue == "" {
			break
		}
	}
	return out, nil
}

func object(key string, o metav1.PartialObjectMetadata) nlp.Object {
	out := nlp.Object{Kind: key, Namespace: o.Namespace, Name: o.Name, Labels: o.Labels}
	if ref := metav1.GetControllerOf(&o); ref != nil {
		out.OwnerKind, out.OwnerName = ref.Kind, ref.Name
	}
	return out
}

// versionOf changes when what may be named changes.
func versionOf(kinds []nlp.Kind, objects []nlp.Object) string {
	h := sha256.New()
	for _, k := range kinds {
		_, _ = h.Write([]byte(k.Key() + "\n")) // a hash never fails
	}
	for _, o := range objects {
		_, _ = h.Write([]byte(o.Kind + "/" + o.Namespace + "/" + o.Name + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// detailer fetches what a sentence needs of an object beyond its name, as the asker, and remembers it.
type detailer struct {
	dyn   dynamic.Interface
	kinds []nlp.Kind
	mu    sync.Mutex // guards known
	known map[string]nlp.Details
}

// detailed are the built-in kinds whose spec a sentence may refer to. Secrets and ConfigMaps are not among them.
var detailed = map[string]bool{
	"deployments.apps": true, "statefulsets.apps": true, "daemonsets.apps": true, "replicasets.apps": true, "jobs.batch": true, "cronjobs.batch": true,
	"pods": true, "services": true, "replicationcontrollers": true,
}

func (d *detailer) details(ctx context.Context, o nlp.Object) (nlp.Details, bool) {
	if !detailed[o.Kind] && !nlp.CustomKind(o.Kind) {
		return nlp.Details{}, false
	}
	key := o.Kind + "/" + o.Namespace + "/" + o.Name
	d.mu.Lock()
	got, ok := d.known[key]
	d.mu.Unlock()
	if ok {
		return got, true
	}
	i := slices.IndexFunc(d.kinds, func(k nlp.Kind) bool { return k.Key() == o.Kind })
	if i < 0 {
		return nlp.Details{}, false
	}
	ctx, cancel := context.WithTimeoutCause(ctx, detailTimeout, errors.New("the cluster was too slow to tell details"))
	defer cancel()
	k := d.kinds[i]
	var u *unstructured.Unstructured
	u, err := d.dyn.Resource(schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return nlp.Details{}, false // the translator then says that it can't see it
	}
	got = nlp.DetailsFrom(o.Kind, u.Object)
	d.mu.Lock()
	d.known[key] = got
	d.mu.Unlock()
	return got, true
}
