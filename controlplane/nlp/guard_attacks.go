package nlp

import (
	"regexp"
	"slices"
)

const noAuditOff = "What is asked and done here is recorded, and that can't be switched off or taken back. " + help

// unsafeAttacks are unsafeRules about ways out of the cluster, what others keep secret, and traces.
var unsafeAttacks = []struct {
	pattern *sifted
	why     string
}{
	{
		sift(`(?i)\b(text|words?|everything|all|messages?|lines?|conversation|contents?|anything|sentences?|paragraphs?|prompt|instructions?|tokens) (that )?((is|was|are|were|comes?|came|stands?|stood|appears?|written|shown|found|given|said|precedes?) )*(above|before|preceding|prior to|ahead of|precedes?|over) (this|my|the|our|that)( (first|user|current|last|very|present))? (message|line|sentence|prompt|text|conversation|question|chat|input|request|turn)\b|\bwhat (was|is|were|has been|had been|came|comes|stands|stood) ((written|said|there|shown|given|told) )?(to you )?(before|above|ahead of|prior to) (my|this|the|our)( (first|user|current))? (message|line|sentence|prompt|text|conversation|question|chat|input|request|turn)\b`),
		"I don't tell what I am made of or work with. " + help,
	},
	{
		sift(`(?i)\b(switch|turn|disable|stop|pause|suspend|deactivate|kill|mute|skip|bypass|erase|delete|wipe|clear|purge|hide|remove|without|forget|suppress|tamper|edit|alter|falsify|rewrite|evade|avoid|silence|cut|drop)\b.{0,24}\b(auditing|audit[ -](logging|recording|trail|records?|entries|logs?|events?)|recording (of )?(what|my|this|me|us|that|anything|everything|the (commands?|session|chat|conversation))|logging (of )?(what|my|this|me|us|(the |my )?(commands?|session|chat|conversation)))([\s.,!?;]|$)|\b(do not|don'?t|never|stop|without) (log|logging|record|recording|audit|auditing|write down|track|tracking|trace) (this|that|it|me|my|us|what|anything)( (command|request|session|chat|change|one|i|we)| anywhere|\W*$)|\b(cover|hide|erase|remove|wipe) (my|our|the|all|your) (tracks|traces|footprints)\b|\boff the record\b`),
		noAuditOff,
	},
	{
		sift(`(?i)\breverse[- ](shells?|tunnels?|tcp)\b|\bbind[- ]shells?\b|\bweb ?shells?\b|\b(connects?|connecting|call|calls|calling|phone|phones|phoning|dial|dials) (back|home|out) to \S*\d\b|\b(nc|ncat|netcat|socat)\b.{0,20} -\w*e\b|/dev/tcp/|\bmeterpreter\b|\b(install|open|plant|create|add|deploy|put|leave|build|hide|start|run|inject|drop|set up) (me )?(a|an|the|some|my|our)? ?(\w+ )?(back ?doors?|root ?kits?|key ?loggers?|malware|ransomware|trojans?|botnets?|exploits?)\b|\bport[- ]?scan\b`),
		"I open no way into the cluster or out of it. " + help,
	},
	{
		sift(`(?i)\b(collect|gather|harvest|grab|steal|fetch|extract|pull|dump|export|scrape|obtain|retrieve|read|print|show|get|give|tell|copy|save|leak|exfiltrate|decode|list|reveal|display|snatch|take|send|post|mail|email|expose)\s+((all|the|every|any|each|me|us|their|its|of|out|up|down|raw|actual|plain|secret|current|bearer|access|api|auth|service ?account|sa|jwt)\s+)*(tokens?|passwords?|credentials?|api[- ]?keys?|private keys?)\s+(of|from|for|in|out of|behind|held by|used by)\s+((all|the|every|each|any|our|these|those|of|its|their|a)\s+)*(service ?accounts?|sas?|secrets?|clusters?|pods?|users?|namespaces?|teams?|nodes?|kubelets?|databases?|admins?|everyone|everybody)\b`),
		secretValues,
	},
	{
		sift(`(?i)\bexfiltrat\w*\b|\b(send|post|upload|mail|e-?mail|forward|leak|transfer|ship|dump|copy|save|publish|beam|pipe|put|write)\b\s+(\w+\s+){0,3}(them|it|these|those|all|this|that|everything|secrets?|tokens?|credentials?|passwords?|configmaps?|contents?|values?|data)\s+(all\s+)?(over\s+|out\s+|up\s+)?(to|at|via|onto|into|on)\s+(\w+\s+){0,2}(https?://|ftp|s3\b|gs://|s3://|pastebin|gist\b|dropbox|google drive|webhook|telegram|discord|slack\b|my (server|laptop|machine|e-?mail|inbox|account|phone|host|drive)|\S+@\S+)`),
		"I send nothing anywhere. What you may see in the cluster I show here.",
	},
	{
		sift(`(?i)\b(give|grant|assign|hand|award|bestow)\b.{0,60}\b(all|every|any|unlimited|full|total|complete|unrestricted|unbounded|god) (the )?(possible |available |existing )?(rights?|permissions?|privileges?|access|powers?|control|verbs)([\s.,!?;]|$)`),
		"KubeChat grants nobody rights to do everything to everything. Say which verbs on which resources.",
	},
}

var (
	mendAnything = regexp.MustCompile(`(?i)^(.*\b)?(fix|repair|mend|heal|solve|resolve|cure|remedy|sort|unbreak)\s+((it|this|that|things?|stuff|everything|all|the (thing|things|problem|issue|cluster|mess|trouble|situation|bug|outage|incident))( (out|up|again))?|whatever .*|what .*)((,? (please|pls|now|asap|again|for (me|us)|quickly|immediately|right away|will you|would you|thanks|thank you))*)\W*$|^(.*[,;.] ?)?(please |pls |just |can you |could you )*(make (it|things|everything|that|this) (work|run|healthy|good|right)( again| properly)?|do something( about (it|this|that))?|(get|bring) (it|things|everything) (working|running|back|going|up)( again)?)( please| pls| now| asap)*\W*$`)
	everySpace   = regexp.MustCompile(`(?i)\b(every|all|each|any|the other|all the other|all other|the rest of the|the remaining) (other |single |the |of the |of our )?namespaces?\b|\beverywhere( else)?\b|\b(whole|entire|complete) cluster\b|\bacross (the|all)\b|\bcluster[- ]wide\b`)
	goesOn       = regexp.MustCompile(`(?i)^\W*(and|now|also|then|same|the same|do (that|this|it|the same|so)|plus|next|likewise|as well|every|all|each|everything|ok|okay|good|great|fine|again|repeat|once more)\b`)
)

// needsObject asks what is meant where something is to be mended and nothing says what.
func needsObject(v *Vocabulary, focus Focus, said string) string {
	if !mendAnything.MatchString(said) || focus.Plan != nil || len(focus.Names) > 0 {
		return ""
	}
	toks := lex(said)
	for i, t := range toks {
		if t.quoted || t.lit != litNone || v.objects.has(t.text) && !stopWords[t.text] || v.saysNamespace(t.text) || len(v.words[t.text]) > 0 || asksChange(toks, i) && orderAway[t.text] {
			return ""
		}
	}
	return "What is broken? Name it, such as \"deployment web in prod\": I look for what is wrong with it and say what would mend it."
}

var orderAway = wordSet("delete restart scale drain remove rollback")

// everywhereToo tells whether a change is asked for once more, and everywhere.
func everywhereToo(focus Focus, said string) bool {
	if focus.Plan == nil || Worse(Read, ClassifyPlan(*focus.Plan)) == Read || !everySpace.MatchString(said) || !goesOn.MatchString(said) {
		return false
	}
	toks := lex(said)
	return !slices.ContainsFunc(toks, func(t token) bool {
		return t.text == "show" || t.text == "list" || t.text == "get" || t.text == "describe" || t.text == "which" || t.text == "what" || t.text == "how" || t.text == "count" || t.text == "is" || t.text == "are" || t.text == "logs" || t.text == "events" || t.text == "watch" || t.text == "find"
	})
}

const noneEverywhere = "Changes to all namespaces at once are not made from chat. Name one namespace."
