package nlp

// plainScore is what a read must explain when all that it leaves unexplained is plain English.
const plainScore = 0.35

// plainRead tells whether a read may be taken although it left words: they are talk, none of them names something or turns the
// sense around, and something of the cluster was named. A read shows at worst too much.
func (u understood) plainRead(write bool) bool {
	return !write && u.reading != nil && u.q == nil && u.readScore() >= plainScore && len(u.namesLeft()) == 0 && !u.reading.unusedChange() && !u.reading.unusedRead() && !u.strayVerb()
}

// readable tells whether this is a read that may be taken as it is.
func (u understood) readable() bool {
	return len(u.steps) > 0 && u.q == nil && ClassifyPlan(Plan{Steps: u.steps}) == Read && u.plainRead(false) && !u.reading.aboutSomethingElse()
}

// takenAsRead tells whether the answer to this will be a read.
func (u understood) takenAsRead() bool {
	if u.q != nil || len(u.steps) == 0 || ClassifyPlan(Plan{Steps: u.steps}) != Read || u.reading == nil {
		return false
	}
	r := u.reading
	return (u.score >= acceptScore || u.plainRead(false)) && !r.aboutSomethingElse() && !r.wantsOtherwise() && !((len(u.left) > 0 || r.obliges()) && u.strayVerb())
}

// unsettled tells whether a text was neither understood, nor forbidden, nor asked back about for a good reason.
func (u understood) unsettled() bool {
	if u.q != nil {
		return u.q.lost || !u.q.refuse
	}
	return !complete(u) && !u.readable()
}

// namesLeft are the words left that are not talk: they may be names, or turn the sense around.
func (u understood) namesLeft() []string {
	if u.reading == nil {
		return u.left
	}
	var out []string
	for i := 0; i < len(u.reading.toks); i++ {
		if i == 0 || u.reading.toks[i-1].brk {
			if end, ok := u.asideAt(i); ok {
				i = end - 1
				continue
			}
		}
		if !u.reading.used[i] && !u.mayLeave(i) {
			out = append(out, u.reading.toks[i].raw)
		}
	}
	return out
}

// aboutSomethingElse tells whether a word is said that no one says to a cluster, and that is no name here.
func (r *reading) aboutSomethingElse() bool {
	for i, t := range r.toks {
		if offTopic[t.text] && !r.objectNamed(i) && !t.quoted && r.aliasOf(t.text) == "" && !r.isKind(i) {
			return true
		}
	}
	return false
}

func (r *reading) isKind(i int) bool {
	for _, k := range r.kinds {
		if k.i <= i && i < k.j {
			return true
		}
	}
	return false
}

// says tells whether the text says the concept, used or not.
func (r *reading) says(c concept) bool {
	for _, q := range r.cues {
		if q.c == c {
			return true
		}
	}
	return false
}
