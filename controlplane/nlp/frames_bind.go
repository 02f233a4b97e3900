package nlp

import "strings"

// buildFinalizers takes the finalizers of an object away.
func buildFinalizers(r *reading) (outcome, bool) {
	if !r.imperative(cRemove, cDelete, cSet, cPatch) {
		return none()
	}
	r.take(cFinalizer, cRemove, cDelete, cSet, cPatch, cAll, cForce)
	r.useWords("stuck")
	t, q := r.target(targetSpec{write: true, askKind: true, place: true, verb: "remove the finalizers of"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cTerm)
	return done(step(OpRemoveFinalizers, t))
}

// buildBind gives a role to somebody: "bind role x to service account y".
func buildBind(r *reading) (outcome, bool) {
	if !r.imperative(cBind, cAdd, cSet) || !r.saysKind("roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io") || !r.has(cBind) && !r.hasWord("user", "group", "account", "serviceaccount", "sa") {
		return none()
	}
	k := r.kindNamed("rolebindings.rbac.authorization.k8s.io")
	if r.hasWord("cluster-wide", "clusterwide") {
		k = r.kindNamed("clusterrolebindings.rbac.authorization.k8s.io")
	}
	if k == nil {
		return none()
	}
	r.take(cBind, cAdd, cSet)
	name := ""
	if i, ok := r.wordAfter("named", "called", "as"); ok && r.toks[i].lit == litNone {
		name = strings.ToLower(r.toks[i].raw)
		r.useTok(i)
		r.isNew(r.toks[i].raw)
	}
	s := Step{Op: OpCreate, Resource: k.Resource}
	if k.Namespaced {
		s.Namespace = r.listScope(r.scope(false), k).ns
	}
	obj := map[string]any{"apiVersion": apiVersion(k.Resource), "kind": k.Kind, "metadata": map[string]any{}}
	s.Names = []string{name}
	if q := r.newBinding(&s, obj); q != nil {
		return asks(&question{text: "Which role should be given, and to which service account, user or group?"})
	}
	if name == "" {
		name = obj["roleRef"].(map[string]any)["name"].(string)
	}
	s.Names, obj["metadata"] = []string{name}, map[string]any{"name": name}
	s.Args.Object = jsonOf(obj)
	return done(s)
}
