package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// unsafeClaims are unsafeRules about who speaks, what is switched off, and what rights are wished for.
var unsafeClaims = []struct {
	pattern *sifted
	why     string
}{
	{ // a message that pretends to come from somebody else than who types it
		sift(`(?i)^[\s\W]{0,8}(the )?(system|sys|admin|administrator|operator|developer|root|assistant|kubechat)( (notice|message|note|override|prompt|alert|instructions?|directive|announcement|broadcast|orders?|update|mode|command|notification|reminder)){0,2}\s*[\]>)}*#|:]|^\s*[\[<{(*#]+\s*\w{0,20} ?(notice|message|override|announcement|broadcast|notification|mode|alert)\s*[\]>)}*#|:]`),
		otherRules,
	},
	{
		sift(`(?i)\b(safety|security|approval|access|policy|all|any|your|the) (checks?|guards?|guard ?rails?|safeguards?|safet(y|ies)|protections?|approvals?|confirmations?|restrictions?)\b.{0,12}\b(are|is|been|were|was|stand|stay)\b.{0,16}\b(off|disabled|lifted|suspended|waived|removed|deactivated|unnecessary|void|down)\b|^\W*(the )?(checks|guards|guard ?rails|safeguards|protections|approvals) (are|have been) (all )?(off|disabled|lifted|suspended|waived|removed)\b|\b(checks|guards|guard ?rails|safeguards|approvals) are (all )?(off|disabled|lifted|suspended|waived) (until|for|from|till|today|now)\b|\b(skip|disable|bypass|ignore|drop|omit)(ping|ing)? (all |any )?(your|the|all|any|of your) (own )?(checks|guards|guard ?rails|safeguards|safety|rules|protections)\b|\byou (may|can|should|are allowed to|must) (now )?(skip|bypass|omit|ignore|forgo) (the |all |any |your )?(approvals?|confirmations?|checks?|questions?|rules|reviews?)\b`),
		"Changes are always shown before they are made, and made only when you approve them; that can't be switched off. " + help,
	},
	{
		sift(`(?i)\b(hidden|secret|initial|original|starting|start-?up|first|system|underlying) (set of )?(instructions?|prompts?|directives?)\b.{0,40}\b(you|your|started|run|given|word for word|verbatim)\b|\b(word for word|verbatim|exact(ly)?)\b.{0,40}\b(instructions?|prompt|directives?|system message)\b|\b(instructions?|rules|prompt|guidelines|directives)( that)? (were )?you( were| are|'re)? (given|run|started|start|work|loaded|told|set up|configured|operate|made)\b|\byour (\w+ )?(prompt|system message|instructions?)\b`),
		"I don't tell what I am made of or work with. " + help,
	},
	{
		sift(`(?i)\b(show|print|get|give|tell|reveal|read|fetch|paste|dump|display|what('s| is))\b.{0,30}\btokens?\b (of|for|from|behind|used by)\b.{0,40}\b(service ?accounts?|sa)\b|\b(service ?account|sa)('s)? tokens?\b`),
		"KubeChat makes no tokens and shows no kubeconfig, key or credential.",
	},
	{ // rights to do everything to everything
		sift(`(?i)\b(give|grant|let|allow|assign|add|make|create|bind|hand|want|need|get|set|patch|extend|widen)\b.{0,60}(\*\s*(on|in|over|to|for|at)\s*(the )?\*|\b(do|doing|perform|performing) (everything|anything|whatever|all|\*)( \w+)? (on|to|with|in|over) (everything|anything|all|every|any|each|whatever|\*)|\b(all|any|every|each|wildcard) (verbs?|actions?|operations?|rights?|permissions?|privileges?)\b.{0,12}\b(on|to|over|for|in) (all|any|every|each|everything|anything|whatever)\b|\b(verbs?|resources?|rights?|permissions?|rules?)\W{1,3}\*\W.{0,30}\*)`),
		"KubeChat grants nobody rights to do everything to everything. Say which verbs on which resources.",
	},
	{
		sift(`(?i)\b(base64|b64)[- ]?(decode|decoded|decoding)\b|\bdecod(e|ing)\b.{0,40}\b(secrets?|passwords?|tokens?|credentials?|them|those|these|all of)\b`),
		secretValues,
	},
}

const secretValues = "Values of Secrets are never shown in chat. I can list Secrets and describe them: their keys and sizes."

// revealing are words by which the values are asked for of secrets that were talked of before.
var revealing = regexp.MustCompile(`(?i)\b(decode[ds]?|decrypt|plain ?text|in (the )?clear|contents?|values?|payloads?|inside|unmasked|unredacted|readable|cleartext)\b|\bwhat('s| is| they| it) (in|hold|contain)`)

// keysOnly tells that what the values are stored under is asked for, which is no secret.
var keysOnly = regexp.MustCompile(`(?i)\b(which|what|only|just) (the )?(keys?|names?)\b`)

// revealsFocus tells whether the text asks for the values of the secrets that the conversation is about.
func revealsFocus(focus Focus, said string) bool {
	if focus.Resource.Plural != "secrets" || focus.Resource.Group != "" || !revealing.MatchString(said) || withoutUnshown(said) != said || keysOnly.MatchString(said) {
		return false
	}
	return slices.ContainsFunc(lex(strings.ToLower(said)), func(t token) bool {
		return targetPronouns[t.text] || t.text == "they" || t.text == "each" || t.text == "all" || t.text == "contents"
	})
}

var ticked = regexp.MustCompile("`([^`]*)`")

// substitutes tells whether backticks hold a program, which a shell would run, and not a name that somebody set apart.
func substitutes(v *Vocabulary, said string) bool {
	for _, m := range ticked.FindAllStringSubmatch(said, -1) {
		words := strings.Fields(strings.ToLower(m[1]))
		if len(words) == 0 || v.objects.has(words[0]) || v.namespaces[words[0]] || len(v.words[words[0]]) > 0 && len(words) == 1 || passesThrough(m[1]) {
			continue
		}
		if shellPrograms[words[0]] || runnable[words[0]] {
			return true
		}
	}
	return false
}

// runnable are programs whose names are no words that people say otherwise.
var runnable = wordSet("whoami uname hostname poweroff init systemctl journalctl dmesg ifconfig printenv pwd base64 tee xargs awk grep rmdir mkdir mkfs chroot crontab nohup pkill killall netstat ss ip iptables mount umount")
