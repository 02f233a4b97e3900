package nlp

import "slices"

var (
	columnWords  = wordSet("column columns")
	columnBefore = wordSet("as a an in the its their own extra additional another separate one of value values label labels labels' for each and plus with into to")
	columnAfter  = wordSet("for with showing show of the their its each label labels value values named called and that shows holding holds containing to")
	columnLeads  = wordSet("add adding plus with include including and show showing give put print append display need want")
)

// labelColumns reads the labels that get a column of their own: "with the app label as a column", "and a column for the team".
func (r *reading) labelColumns() []string {
	at := slices.IndexFunc(r.toks, func(t token) bool { return columnWords[t.text] && !t.quoted })
	if at < 0 || r.used[at] {
		return nil
	}
	var keys []string
	from, to := at, at+1
	take := func(i int) bool {
		t := r.toks[i]
		key := r.keyNamed(t.text)
		if key == "" && r.keyLike(i) && (i > 0 && r.toks[i-1].text == "label" || i+1 < len(r.toks) && (r.toks[i+1].text == "label" || r.toks[i+1].text == "labels")) && !r.isCue(i) {
			key = t.raw
		}
		if key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		return key != ""
	}
	for i := at + 1; i < len(r.toks) && !r.toks[i-1].brk; i++ {
		if !columnAfter[r.toks[i].text] && !take(i) {
			break
		}
		to = i + 1
	}
	after := len(keys)
	for i := at - 1; i >= 0 && !(r.toks[i].brk && after > 0); i-- {
		if !columnBefore[r.toks[i].text] && (after > 0 || !take(i)) {
			break
		}
		from = i
	}
	if len(keys) == 0 {
		return nil
	}
	if after == 0 {
		slices.Reverse(keys)
	}
	for from > 0 && columnLeads[r.toks[from-1].text] && (from > 1 && r.toks[from-1].text != "show" || columnLeads[r.toks[from].text]) {
		from--
	}
	for i := from; i < to; i++ {
		r.useTok(i)
	}
	r.note(mention{i: from, j: to}, "a column for each of these labels")
	return keys
}
