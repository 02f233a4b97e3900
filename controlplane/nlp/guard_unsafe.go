package nlp

import (
	"regexp"
	"slices"
)

// unsafeRules are asked for whatever else a text says: who asks so is told no, and nothing of it is read.
var unsafeRules = []struct {
	pattern *sifted
	why     string
}{
	{
		sift(`(?i)^\W*(system|assistant|developer|admin|root|tool|user)\s*:|\b(ignore|disregard|forget|override)\b.{0,40}\b(instruction|instructions|rules|policy|policies|prompt|guardrails|restrictions|safety)\b|\b(pretend|act as|act as if|act like|imagine|suppose)\b.{0,20}\b(you|root|admin|no rules|approved)\b|\byou are now\b|\b(developer|god|admin|debug|sudo|root|jailbreak) mode\b|\bsystem prompt\b|\bjailbreak\b`),
		otherRules,
	},
	{
		sift(`(?i)\b(next|further|future|subsequent|upcoming|coming|following)\s+(deletes?|deletions?|changes?|requests?|commands?|times?|ones|steps?|actions?|restarts?|operations?)\b.{0,60}\b(approv\w*|confirm\w*|ask\w*|prompt\w*)\b|\b(from now on|in future|in the future|always|permanently|for (this|the rest of the) session)\b.{0,60}\b(approv\w*|confirm\w*|ask\w*|without)\b|^\W*(please |just )?(skip|disable|bypass|turn off|switch off|stop|no more|remove)\b.{0,20}\b(approvals?|confirmations?)\b|\b(skip|disable|bypass|turn off|switch off|stop|no more|remove)\b.{0,20}\b(all |the |any |every )?(all (approvals?|confirmations?)|dry[- ]runs?|audit( log(ging)?)?|access reviews?|safety checks?|guardrails|rbac|redaction|admission( control(lers?)?)?|policy checks?)\b`),
		"Changes are always shown before they are made, and made only when you approve them; that can't be switched off. " + help,
	},
	{
		sift(`(?i)\b(next|future|following|subsequent|coming|further|upcoming|all|any|every|other|such)\s+(few\s+|other\s+)?(time|times|deletes?|deletions?|changes?|ones|requests?|commands?|operations?|restarts?|actions?|removals?)\b.{0,50}\b(without (asking|confirm\w*|approv\w*|check\w*)|(don'?t|do not|no need to|never|stop) (ask|confirm|check|wait|prompt)\w*|(just|simply|straight) (do|run|execute|go|apply)|auto\w*)|\b(don'?t|do not|no need to|needn'?t|never|stop|quit) (have to |need to |bother )?(to )?(ask|prompt|confirm|check with)(ing)?( me)?\b.{0,30}\b(again|any ?more|any longer|in future|in the future|next time|from (now|here) on|for (the|this) (rest|session|day)|today)\b`),
		"Changes are always shown before they are made, and made only when you approve them; that can't be switched off. " + help,
	},
	{
		sift(`(?i)\bcluster[- ]?admin\b.*\b(bind|give|grant|make|add|assign)\b|\b(bind|give|grant|make|add|assign|create)\b.*\bcluster[- ]?admin\b|\bsystem:masters\b|\b(give|grant|get|make)\b.{0,30}\b(root|superuser|full admin|admin rights|admin access|unrestricted access)\b`),
		"KubeChat does not bind anybody to cluster-admin or system:masters.",
	},
	{
		sift(`(?i)\b(create|make|generate|mint|issue|request|give me|get me)\b.{0,25}\btokens?([\s.,!?]|$)|\b(tokens?|passwords?|credentials?|api keys?|private keys?)\b.{0,20}\b(do you|you yourself|you use|you are using|you have|of yours|yourself)\b|\byour (own )?((service ?account|bearer|access|api|agent'?s?) )*(tokens?|passwords?|credentials?|kubeconfig|api keys?|private keys?)\b|\b(print|show|get|give|dump|export|fetch|extract|read|reveal|send|create|generate|paste|copy|leak|type|tell|echo|output|spell)\b.{0,40}\b(kubeconfig|kube config|admin\.conf|private keys?|client certificates?|bearer|credentials? of (yourself|the agent|kubechat))([\s.,!?]|$)`),
		"KubeChat makes no tokens and shows no kubeconfig, key or credential.",
	},
	{
		sift(`(?i)\bprivileged\b.{0,30}\b(pod|container|mode|deployment|daemonset|shell)\b|\b(pod|container|deployment|daemonset)\b.{0,40}\bprivileged\b|\bhost[- ]?(path|pid|network|ipc)\b.{0,40}\b(mount|pod|container|true|enable|with)\b|\b(mount|use|enable|with|share)\b.{0,40}\b(host[- ]?(path|pid|network|ipc|file ?system|root)|the node'?s? (file ?system|root|disk)|docker\.sock|containerd\.sock)\b|\bnsenter\b|\bescape (to|into|from) the (host|node|container)\b`),
		"KubeChat does not make privileged pods or pods that use their node's files, network or processes.",
	},
	{
		sift(`(?i)\b(root|node|host)[- ]shell\b|\b(log ?in|ssh|login|shell)\s+(on|in|into|to|onto|at)( to)?\s+(the |a |that |this )?(node|host|machine|server)\b`),
		"I run no programs and open no shells, neither here nor on a node. " + help,
	},
	{
		sift(`(?i)\b(order|buy|purchase|procure)\b.{0,60}\b(ram|memory|modules?|servers?|machines?|disks?|hardware|licen[cs]es?|gigs?|gpus?|nodes?)\b.{0,40}\b(for|from|to|into)\b|\bphysical (ram|memory|disks?|machines?)\b`),
		"I change what is in the cluster, not what it runs on. " + help,
	},
	{
		sift(`(?i)\b((docker|podman|crictl|nerdctl) (ps|exec|logs|run|images?|pull|push|build|stop|rm|kill|restart|inspect)|terraform (apply|plan|destroy|init|import)|(systemctl|initctl) (restart|stop|start|status|enable|disable|daemon-reload)|journalctl -?\w+|ansible(-playbook)? \S+|(apt|apt-get|yum|dnf|apk|brew) (install|update|upgrade|remove)|(gcloud|eksctl|kubeadm|pulumi|vagrant|virsh) \w+)\b`),
		"I run no other programs and reach no machine but through the Kubernetes API. " + help,
	},
	{
		sift(`(?i)\b(ignore|disregard|forget)\b.{0,30}\b(everything|anything|all)\b.{0,20}\b(above|before|earlier|previous|so far|told|said)\b|\byour new (task|job|role|goal|instructions?)\b`),
		otherRules,
	},
	{
		sift(`(?i)\b(treat|consider|regard|count|take)\b.{0,40}\bas\s+(already\s+)?(pre-?)?(approved|confirmed|authori[sz]ed|agreed)\b`),
		"Nobody approves for later by a sentence here: each change has its card, with its own button.",
	},
	{
		sift(`(?i)\b(send|post|upload|e-?mail|mail|forward|transfer|leak|exfiltrate|publish|push|copy)\b.{0,40}\b(secrets?|credentials?|passwords?|tokens?|keys|logs?|data|configs?|kubeconfigs?|manifests?|yaml|dump|output|results?|everything)\b.{0,40}\bto\b.{0,20}(https?://|\S+@\S+|\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|net|org|io|dev|example|info|xyz)\b)`),
		"I send nothing anywhere. What you may see in the cluster I show here.",
	},
	{
		sift(`(?i)\byour( own)?( \w+)? (api[- ]?keys?|passwords?|credentials|access tokens?|secret keys?|prompts?)\b`),
		"I don't tell what I am made of or work with. " + help,
	},
	{
		sift(`(?i)^\W*(how|what|write|explain|give me|show me)\b.{0,60}\b(lists?|arrays?|strings?|loops?|functions?|class(es)?|scripts?|regex|dictionar(y|ies)|dicts?|variables?|files?)\b.{0,20}\bin (python|javascript|typescript|java|golang|go|rust|ruby|php|perl|bash|sql|excel|haskell|c\+\+)\W*$`),
		"That is not about a cluster. " + help,
	},
	{ // a game of being something else
		sift(`(?i)\brole[- ]?play(ing)?\b|\bplay (a|the|this) (little )?(game|role|part)\b|\byou (are|'re|have|obey|follow|know)( now)?( an?| the)?( \w+){0,3} (with(out)?|no|unrestricted|unlimited|unfiltered|uncensored)( any| no)?( more)? ?(rules?|limits?|restrictions?|filters?|boundaries|constraints|ai|shell|assistant|bot|model|agent)\b`),
		otherRules,
	},
	{ // what somebody else has written somewhere is no order of the person who asks
		sift(`(?i)\b(obey|comply with|heed|execute|carry out)\b\s+(the|that|this|those|its|these|what the)\s+(\w+\s+)?(log|logs|log line|annotation|comment|ticket|message|note|label|page|e-?mail|readme|instructions?|orders?|text)\b|\bfollow\b\s+(the|that|this|those|its|these|what the)\s+(\w+\s+)?(annotation|comment|ticket|message|note|e-?mail|readme|instructions?|orders?)\b|\bfollow what (the |that |this )?(\w+\s+)?(logs?|log lines?) (says?|tells?|asks?|wants?)\b|\bdo (as|what|whatever|like) (the|that|this|it|those)\b.{0,30}\b(says?|tells?|asks?|wants?|demands?|orders?)\b|\b(log|logs|annotation|comment|ticket|message|note|readme|page|e-?mail|configmap|label)\b.{0,50}\b(says?|reads?|tells?|asks?)\b.{0,90}\b(obey|comply|follow it|do so|do that|do it|do as|act on it|carry (it|that) out|execute it)\b|['":]\s*(assistant|system|ai|bot)\s*[:,]\s`),
		"What is written in logs, notes or tickets is no order to me: say yourself what you want, in your own words.",
	},
	{
		sift(`(?i)\b(your|you) (\w+ )?(hidden|secret|internal|initial|original|underlying|base|first) (\w+ )?(instructions?|prompts?|guidelines?|rules?|directives?|programming|orders|configuration)\b|\b(instructions?|rules|guidelines|orders|directives) (were|are|have|did|do) you( been| being)? (given|told|get|got|follow(ing)?|under|have)\b|\b(your|you) (training( data)?|source code|weights|guidelines|programming|instructions|language model)\b|\b(text|words|everything|all|message) (above|before this)\b.{0,25}\b(word for word|verbatim)\b`),
		"I don't tell what I am made of or work with. " + help,
	},
	{ // a shell on a machine, hands on a machine, and what a machine is made of
		sift(`(?i)\b(open|start|get|give|drop|launch|spawn|need|want|grab)\b.{0,20}\b(bash|shell|terminal|console|command line|prompt|zsh)\b.{0,20}\b(on|onto)\s+(the |a |my |that |this )?(\w+ )?(host|node|machine|server|vm|box|worker)s?\b|\b(plug|insert|solder|screw|slot|fit|mount|install|put|stick|add|replace|swap|change|order)\b.{0,30}\b(of ram|ram (stick|module|bar)s?|dimms?|memory (stick|module|bar|bank)s?|graphics cards?|gpu cards?|network cards?|power (supply|supplies|cable|cord)|hard (disks?|drives?)|ssds?|cpu fans?|cooling|motherboards?|mainboards?)\b`),
		"I change what is in the cluster, not what it runs on. " + help,
	},
	{ // letters, talks and errands
		sift(`(?i)\b(write|compose|draft|prepare|make)\s+(me |us |up )?(a|an|my|our|the)?\s*(\w+ ){0,2}(cover letter|letter|resume|cv|speech|essay|article|press release|newsletter|business plan|job (ad|description|application|offer)|toast|presentation|slides?|powerpoint|thesis|story|cv)\b|\b(job|salary) (interview|negotiation)\b|\bsummari[sz]e (this|the|that|my) (article|document|meeting|book|video|page|pdf|text|paper|e-?mail)\b|^\W*(please |can you |could you )?(send|write|post)\b.{0,12}\b(slack|teams|e-?mail|sms|text|chat|whatsapp)? ?(message|e-?mail|mail|sms|ping)s?\b.{0,12}\bto\b|^\W*(please |can you |could you )?(call|phone|ring|e-?mail|text)\s+(up )?(the |our |my )?(vendor|boss|manager|customers?|clients?|team|police|office|support|hotline|helpdesk|ceo|cto|colleagues?|mum|mom|wife|husband)\b`),
		"That is not about a cluster. " + help,
	},
	{
		sift(`(?i)\b(delete|kill|remove|uninstall|destroy|disable|stop|shut down|terminate|reprogram|update|upgrade|restart) (yourself|kubechat|this (bot|chat|assistant|agent))\b`),
		"I change what is in the cluster by your order, and not what I am. " + help,
	},
	{
		sift(`(?i)\b(ai|assistant|bot|model|llm)\b.{0,30}\b(no|without( any)?|free of|has no|have no)\s+(rules|limits|restrictions|filters?|constraints|guidelines)\b|\blet'?s play (a |some )?(game|role|pretend)|\b(says?|reads?|contains|reading|saying)\W{0,4}(assistant|system|developer)\s*:|\bobey (the|that|this|its|what)\b|\bdo (what|as|whatever) (the |that |this )?(log|logs|annotation|label|message|comment|config ?map|event|output)s? (says?|tells?|instructs?|wants?)\b`),
		"That speaks to me as if I had other rules than I have. I turn plain words into one plan, which a person approves. " + help,
	},
	{
		sift(`(?i)\byour( own)? ((hidden|secret|initial|original|internal|underlying|full|exact) )+(instructions?|rules|guidelines|directives|configuration)\b`),
		"I don't tell what I am made of or work with. " + help,
	},
	{
		sift(`(?i)\b(open|start|get|give|spawn|launch|need|want)\b.{0,15}\b(bash|shell|terminal|console)\b.{0,10}\b(on|at|into|in) (the |a |that |this |my )?(node|host|machine|server)\b`),
		"I run no programs and open no shells, neither here nor on a node. " + help,
	},
	{
		sift(`(?i)\b(plug|solder|screw|slot)\b.{0,40}\b(ram|dimms?|memory|disks?|ssds?|gpus?|cards?|cpus?)\b`),
		"I change what is in the cluster, not what it runs on. " + help,
	},
	{
		sift(`(?i)\b(write|draft|compose)\b.{0,20}\b(letter|speech|cv|toast)\b`),
		"That is not about a cluster. " + help,
	},
	{
		sift(`(?i)\bimpersonat(e|ing)\b`),
		"I act only as you, with your own rights in the cluster.",
	},
	{
		sift(`(?i)\b(delete|destroy|wipe|nuke|erase|kill|remove|drop|purge|tear down|blow away|trash)\s+(out\s+)?(the\s+|my\s+|our\s+|this\s+)?((whole|entire|full|complete)\s+((k8s|kubernetes)\s+)?(\w+\s+)?(cluster|infrastructure|environment|platform|estate|landscape|installation|stack)|(every|all|all of)\s+(the\s+|our\s+|my\s+)?(single\s+)?(clusters?|namespaces?|databases?))\s*([.!?,]|$|now\b|without\b|please\b|immediately\b|at once\b)`),
		"I don't delete whole clusters, or all namespaces or nodes. Name one thing to delete.",
	},
}

const otherRules = "That speaks to me as if I had other rules than I have. I turn plain words into one plan, which a person approves. " + help

var neverDone = slices.Concat(unsafeRules, unsafeClaims, unsafeAttacks)

var pairSaid = regexp.MustCompile(`\b(?:disk|disktype|storage|type|tier|class|hardware|node|gpu|accelerator|media|[a-z0-9.-]+/[a-z0-9.-]+)=[a-z0-9.-]+\b`)

// unsafe says why a text asks for what is never done, or "".
func unsafe(s string) string {
	s = pairSaid.ReplaceAllString(s, " pair ") // "put disktype=ssd on a node" buys no disk
	for _, rule := range neverDone {
		if rule.pattern.MatchString(s) {
			return rule.why
		}
	}
	return ""
}
