package nlp

func (r *renderer) setServiceAccount() {
	r.add("set", "serviceaccount")
	r.slashes()
	r.add(r.s.Args.ServiceAccount)
	r.scope()
	r.selectors()
}

func (r *renderer) setSelector() {
	r.add("set", "selector")
	r.slashes()
	r.add(joinPairs(r.s.Args.Set))
	r.scope()
}

func (r *renderer) exec() {
	r.add("exec")
	if r.s.Resource.Plural == "pods" {
		r.add(r.s.Names...)
	} else {
		r.slashes()
	}
	r.scope()
	if r.s.Container != "" {
		r.add("-c", r.s.Container)
	}
	r.add("--")
	r.add(r.s.Args.Command...)
}

func (r *renderer) wait() {
	r.add("wait")
	r.slashes()
	r.scope()
	r.selectors()
	r.flag("--for", r.s.Args.Condition)
	if r.s.Args.Timeout > 0 {
		r.flag("--timeout", Duration(r.s.Args.Timeout))
	}
}

// finalizersPatch takes all finalizers away.
const finalizersPatch = `{"metadata":{"finalizers":null}}`

func (r *renderer) removeFinalizers() {
	r.add("patch")
	r.target()
	r.scope()
	r.add("--type=merge", "-p", finalizersPatch)
}

// replaceForce renders the file that kubectl would need by a name that says what is in it.
func (r *renderer) replaceForce() {
	r.add("replace", "--force")
	r.scope()
	for _, n := range r.s.Names {
		r.add("-f", singular(r.s.Resource)+"-"+n+".yaml")
	}
}

// dryRun is the line of the change, tried out.
func (r *renderer) dryRun() {
	change, ok := r.s.Tried()
	if !ok {
		return
	}
	of := &renderer{s: change}
	renderers[change.Op](of)
	r.argv = append(append(r.argv, of.argv...), "--dry-run=server")
}
