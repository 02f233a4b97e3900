package nlp

// occasions are what people do things for.
var occasions = wordSet(`maintenance patching upgrade window migration sale demo audit update cutover downtime rehearsal launch inspection visit training weekend holiday experiment
experiments test tests testing event campaign presentation exam drill swap replacement repair reboot`)

// withoutPurpose cuts off what a request is made for, where it ends with that and nothing of it is called so: "for the kernel
// upgrade", "for our experiments".
func (rq *request) withoutPurpose(body []token) []token {
	last := len(body) - 1
	if last < 3 || !occasions[body[last].text] {
		return body
	}
	for i := last - 1; i > 1 && i >= last-4; i-- {
		t := body[i]
		if t.quoted || t.lit != litNone || t.brk || rq.v.objects.has(t.text) || rq.v.namespaces[t.text] || len(rq.v.words[t.text]) > 0 || conditions[t.text] || negations[t.text] {
			return body
		}
		if t.text != "for" {
			continue
		}
		if !articles[body[i+1].text] && body[i+1].text != "our" && body[i+1].text != "my" && body[i+1].text != "this" || rq.v.objects.has(body[last].text) || rq.v.namespaces[body[last].text] {
			return body
		}
		rq.idiom = true
		return ended(body[:i])
	}
	return body
}
