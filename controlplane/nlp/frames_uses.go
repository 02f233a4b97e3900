package nlp

import "slices"

// usedUp are words by which is asked how much of a quota is taken.
var usedUp = wordSet("used use uses using left remaining remains free close near full fully exhausted reached hit consumed consumption headroom room spare much available taken eaten filled limit")

// buildQuotaUse: "how much of its quota has dev used up": what a quota has, and how much of it is taken, is in its description.
func buildQuotaUse(r *reading) (outcome, bool) {
	const key = "resourcequotas"
	if !r.saysKind(key) || len(r.thingsNamed()) > 0 || !slices.ContainsFunc(r.toks, func(t token) bool { return usedUp[t.text] }) || !r.asks() && r.unusedChange() {
		return none()
	}
	where := r.scope(false)
	if where.ns == "" {
		return none()
	}
	for _, k := range r.freeKinds() {
		r.useKind(k)
	}
	r.take(cAsk, cShow, cGeneric, cCount, cUsage, cUp, cDown, cTop, cCPU, cMemory, cIt, cMost, cCompleted, cAttr, cUses, cSize)
	for i, t := range r.toks {
		if usedUp[t.text] {
			r.useTok(i)
		}
	}
	k := r.kindNamed(key)
	if there := r.v.inNamespace(key, where.ns); len(there) == 1 {
		return done(step(OpDescribe, r.one(k, there[0])))
	}
	return done(step(OpDescribe, target{kind: k, where: where}))
}

// whichSecret tells whether only the name of a Secret is asked for that something uses: "which secret does web take its password from".
func (r *reading) whichSecret() bool {
	for i := 0; i+1 < len(r.toks); i++ {
		if w := r.toks[i].text; (w == "which" || w == "what") && (r.toks[i+1].text == "secret" || r.toks[i+1].text == "secrets") {
			return !r.hasWord("decode", "decoded", "base64", "plaintext", "reveal", "decrypt", "cleartext") && r.usesSecrets() != nil
		}
	}
	return false
}

// usesSecrets is the one workload or pod that is named, or nil.
func (r *reading) usesSecrets() *objMention {
	for _, o := range r.freeObjects() {
		if slices.ContainsFunc(o.refs, func(ref *Object) bool {
			return isWorkload(ref.Kind) || ref.Kind == "pods" || ref.Kind == "cronjobs.batch" || ref.Kind == "jobs.batch"
		}) {
			return &o
		}
	}
	return nil
}

// buildWhichSecret describes the thing: what it takes from which Secret stands there, and no value.
func buildWhichSecret(r *reading) (outcome, bool) {
	if !r.whichSecret() || r.unusedChange() {
		return none()
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "secrets" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: slices.Concat(workloadKinds, []string{"pods", "jobs.batch", "cronjobs.batch"}), verb: "describe"})
	if q != nil {
		return asks(q)
	}
	if len(t.names) != 1 {
		return none()
	}
	r.take(cAsk, cGeneric, cShow, cSecretValue, cNames, cNamed, cNot, cUses, cUsage, cIt, cSet, cEnv, cAttr)
	r.useWords("secret", "secrets", "value", "values", "password", "passwords", "credentials", "name")
	return done(step(OpDescribe, t))
}
