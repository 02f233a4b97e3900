package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// turn is a way of saying things, and the plainer one that the rules know.
type turn struct {
	pattern *sifted
	plain   string
	unless  *regexp.Regexp // what the text must not say besides; nil is nothing
}

func turnOf(pattern, plain string, unless ...string) turn {
	t := turn{pattern: sift(`(?i)` + pattern), plain: plain}
	if len(unless) > 0 {
		t.unless = regexp.MustCompile(`(?i)` + unless[0])
	}
	return t
}

const (
	politeLead = `^\W*(?:(?:please|pls|kindly|can you|could you|would you|can we|let's|let us|i'd like to|i want to|we need to|we want to|i need to|just|now|ok|okay|so|hi|hey|hello)[ ,]+)*`
	anArticle  = `(?:the |a |an |our |my |its |this |that )?`
	rolling    = `(?:rolling(?: out)?|being rolled out|progressing|deploying|being deployed|updating|being updated|in progress|under way|underway|ongoing)`
)

// turns are tried in order, each once.
var turns = []turn{
	// dictated
	turnOf(`^\W*(?:cube|kube|coop|cooper|queue|q|koob) ?(?:control|ctl|cuddle|cuttle|c t l|see tea el|cattle)[ ,]+`, ""),
	turnOf(`\b(?:cube|coop|queue|koob)[ -](system|public|node lease)\b`, "kube-$1"),
	turnOf(`\bconfig maps?\b`, "configmaps", `config maps? (?:named|called)`),

	turnOf(`\bcron job\b`, "cronjob", `cron job (?:named|called)`),

	// what comes before an order and says what it is for
	turnOf(`^\W*(?:cut[- ]?over|switch[- ]?over|blue[ /-]green|action item|to-?do|task|ticket|request|change request|reminder|note|heads[- ]up|next step|go[- ]live|maintenance|follow[- ]?up|quick one|quick question|question|small thing|one thing)\s*[:-]\s+`, ""),

	// namespaces by their labels: without these "every namespace" is everywhere
	turnOf(politeLead+`(?:show me |show |list |give me |get |print )?(?:every|each|all|any) (?:single )?(?:of the )?namespaces? (?:that (?:is|are) |which (?:is|are) )?(labell?ed|tagged|with (?:the |a )?labels?|whose labels?|that (?:has|have|carr(?:y|ies)) (?:the |a )?labels?)\b`, "list namespaces $1"),

	// what a field is for
	turnOf(politeLead+`(?:tell me )?what (?:does|do|is) `+anArticle+`([a-z][a-zA-Z]+) (?:field|setting|attribute|property) (?:of|in|on) (?:a |an |the )?([a-z]+?)s?(?: do| mean| for| good for)*\W*$`, "explain $2.spec.$1"),

	// what a variable is set to
	turnOf(politeLead+`(?:what is|what's|whats|what do we have for|show me|show|tell me) (?:the )?(?:value of )?(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+)(?: is)?(?: set to| configured| in use)? (?:on|in|for|of|at) (.{2,80}?)\W*$`, "get $1 as yaml"),

	// what waits for its time does not say what to do
	turnOf(`,? \bwhen (?:you|u) (?:have|got|get|find) (?:a |some )(?:sec|second|minute|min|moment|time|spare minute)\b,?`, " "),

	// versions and the cluster itself
	turnOf(politeLead+`(?:tell me |show me |show |give me |what is |what's |which is |get |print )*`+anArticle+`(?:kubernetes|k8s|server|api[- ]?server|cluster|control[- ]plane)(?:'s)? version(?: (?:is |that |does )*(?:of )?(?:the |our |this )?(?:api[- ]?server|server|api|cluster|control[- ]plane|masters?)?(?: (?:is |has |speaks?|runs?|serves?|uses?|reports?|on|running|speaking)*)*)?\W*$`, "show the kubernetes version"),
	turnOf(politeLead+`(?:what|which) (?:kubernetes |k8s )?(?:version|release)(?: of kubernetes| of k8s)? (?:does|do|is|are|has) (?:the |our |this |we )?(?:api[- ]?server|server|api|cluster|control[- ]plane|masters?)?\s*(?:on|run|running|speak|speaking|serve|serving|use|using|have|at)?\W*$`, "show the kubernetes version"),
	turnOf(politeLead+`(?:show me |show |print |give me |get |what is |what's |what does |run )*(?:the )?(?:kubectl )?cluster[- ]info(?:rmation| say)?\W*$`, "kubectl cluster-info"),
	turnOf(politeLead+`(?:tell me |show me |show |give me |what is |what's |where is |where's |where does |where do |where can i (?:find|reach) |get |print |at which (?:url|address) (?:is|does) )*`+anArticle+`(?:control[- ]plane|api[- ]?servers?|kubernetes api|kube api|masters?|(?:url|address|endpoint|location) of the (?:control[- ]plane|api[- ]?server|kubernetes api|master))(?:'s)?(?: (?:url|address|endpoint|location|listen|listens|live|lives|run|runs|running|listening|reachable|answer|answers|is|at|on))*(?: \(?(?:url|address)\)?)?(?: please| pls| again)?\W*$`, "kubectl cluster-info"),

	// rollouts that go on
	turnOf(`^\W*(?:and |so |ok |okay |hm |well )?(?:(?:is|are) (?:it|that|this|they|the rollout) |(?:it|that|they)(?:'s| is| are) )?still `+rolling+`\W*$`, "show the rollout status of it"),
	turnOf(`^\W*(?:and |so |ok |okay |hm |well )?(?:is|are) (?:the )?(.{2,60}?) still `+rolling+`\W*$`, "rollout status of $1"),
	turnOf(`^\W*(.{2,60}?) still `+rolling+`\W*\?\W*$`, "rollout status of $1"),
	turnOf(`^\W*(?:and |so |ok |okay )?(?:is|are) (?:it|that|they) (?:done|finished|through|complete|over)? ?(?:rolling out|deploying|rolled out)(?: yet| already| now)?\W*$`, "show the rollout status of it"),

	// a chat word before a question
	turnOf(`^\W*(?:ok|okay|alright|all right|good|great|fine|right|cool|nice|perfect|hm+|thanks|thank you|thx|got it|i see|aha|ah|oh)[,.! ]+((?:does|do|has|have|is|are|did|can|what|how|which|where|when|who|why)\b)`, "$1", `^\W*\w+ (?:what about|how about)`),

	turnOf(`\b(?:see |know |hear |look at |read )?what (?:does |do |did )?(its|the|their) (side-?cars?|side containers?|\S+ container|\S+ side-?car)( of \S+)?( in \S+)? (?:logs?|logged|prints?|printed|says?|said|writes?|wrote|outputs?|is logging|is saying|has to say)\b`, "the logs of $1 $2$3$4"),
	turnOf(`\b(?:are|is) (?:we|our \w+) (?:reachable|exposed|visible|available|accessible|open) (?:from |to )(?:the )?(?:outside|internet|world|public)(?: world)?\b`, "everywhere"),

	// who uses more than so much: all are shown, the greediest first
	turnOf(`^\W*(?:(?:please|show|list|get|which|what|are there|any) (?:me )?(?:all )?(?:the )?)*(pods?|nodes?)((?: (?:of|in|on) (?:the )?(?:namespace )?[a-z0-9-]+)?)(?: (?:is|are|that|which|uses?|using|with|at|running|eats?|takes?|taking))* (?:above|over|more than|exceeding|beyond|greater than) \d+(?:\.\d+)? ?(?:mi|gi|mb|gb|mib|gib|megs?|gigs?)?(?: of)? ?(?:memory|mem|ram)(?: usage| use| consumption)?\W*$`, "top $1$2 by memory"),
	turnOf(`^\W*(?:(?:please|show|list|get|which|what|are there|any) (?:me )?(?:all )?(?:the )?)*(pods?|nodes?)((?: (?:of|in|on) (?:the )?(?:namespace )?[a-z0-9-]+)?)(?: (?:is|are|that|which|uses?|using|with|at|running|eats?|takes?|taking))* (?:above|over|more than|exceeding|beyond|greater than) \d+(?:\.\d+)? ?(?:%|percent|m|cores?|millicores?)?(?: of)? ?(?:cpu|processor)(?: usage| use| consumption)?\W*$`, "top $1$2 by cpu"),

	// where a service sends its traffic
	turnOf(`\b(?:who|whom|where|what|which (?:pods?|addresses|ips|backends?|endpoints)) (?:does|do|is|are) `+anArticle+`((?:service|svc) \S+|\S+ (?:service|svc)) (in (?:the )?(?:namespace )?\S+ )?(?:route|routes|routing|send|sends|sending|forward|forwards|forwarding|point|points|pointing|direct|directs|go|goes|lead|leads|deliver|delivers|balance|balances|resolve|resolves)(?: (?:its |the |all )?(?:traffic|requests|calls|connections|packets))?(?: (?:to|at|over|between|across))*(?: (in (?:the )?(?:namespace )?[a-z0-9-]+))?\W*$`, "show the endpoints of $1 $2 $3"),
	turnOf(`\b(?:which|what) (?:addresses|ips|ip addresses|pod ips|backends?|targets?) (?:are |is |sit |sits |stand |stands |live |lives )?(?:behind|back|backs|backing|registered (?:for|with|in|at)) `+anArticle+`((?:service|svc) \S+|\S+ (?:service|svc))`, "show the endpoints of $1"),

	// rights of service accounts and roles
	turnOf(`\b(?:which|what) (?:rights?|permissions?|privileges?|verbs|powers|rules) (?:does |do |has |have |gives? |grants? |are in |is in |are granted by |come with |comes with |carries |contains |are given by )+(?:the )?(cluster ?role|role) (\S+?)(?: (?:give|grant|have|carry|contain|hold|bring|include)s?)?\W*$`, "what does $1 $2 allow"),
	turnOf(`\b(?:which|what) (?:rights?|permissions?|privileges?|verbs|powers|rules) (?:does |do |has |have |gives? |grants? |are in |is in |are granted by |come with |comes with |carries |contains |are given by )+(?:the )?(\S+) (cluster ?role|role)(?: (?:give|grant|have|carry|contain|hold|bring|include)s?)?\W*$`, "what does $2 $1 allow"),
	turnOf(`\bwhat (?:may|can) (?:the )?(cluster ?role|role) (\S+?) do\W*$`, "what does $1 $2 allow"),
	turnOf(`\bwhat (?:may|can) (?:somebody|someone|one|people|you|a user|users) (?:with|having|who has|in|that have|who have) (?:the )?(cluster ?role|role) (\S+?) do\W*$`, "what does $1 $2 allow"),

	turnOf(`\b(?:the )?(?:rules|rights|permissions|privileges|verbs) (?:of|in|granted by|given by|behind) (?:the )?(cluster ?role|role) ([a-z0-9][a-z0-9:.-]*)`, "what does $1 $2 allow"),
	turnOf(`\b(?:which|what) (?:data )?keys (?:are (?:there )?in|does|has|has got|are stored in|are kept in|live in|do we have in|do you see in) (?:the )?secret (\S+?)(?: (?:have|hold|contain|has))?( in (?:the )?(?:namespace )?\S+)?\W*$`, "describe secret $1$2"),
	turnOf(`\b(?:the )?(?:conditions?|capacity|allocatable(?: resources)?|allocated resources) (?:of|on|at) (?:the )?node (\S+?)\W*$`, "describe node $1"),
	turnOf(politeLead+`(?:what is|what's|what do we|what are we|show me what is|which things are|what have we) (?:exposed?|exposing|reachable|published|open|visible) (?:to|from|on|at) (?:the )?(?:internet|outside|world|public)(?: world)?\W*$`, "show the services and ingresses in all namespaces"),

	turnOf(`\b(?:which|what) pods? (?:use|uses|mounts?|are using|is using|attach(?:es)?|have mounted|consumes?|references?|holds?|needs?|has mounted) (?:the |this |that )?(?:claim|pvc|persistentvolumeclaim|volume claim) ([a-z0-9][a-z0-9.-]*)( in (?:the )?(?:namespace )?[a-z0-9-]+)?\W*$`, "describe pvc $1$2"),
	turnOf(`^\W*(?:(?:and|ok|okay|now|please|show|list|get|print|display|what are|what're|give|tell) (?:me )?)*(?:its|their) labels(?: please| pls)?\W*$`, "which labels does it have"),

	// taints
	turnOf(`^\W*(?:show |list |get |tell me |give me )?(?:me )?(?:any |the |all )?taints (?:on|of|at) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)\W*$`, "which taints does node $1 have"),
	turnOf(`\b(?:which|what) taints? (?:are |is |does |do |sit |sits |sitting |set |placed |currently |there |stick |sticks |hang |hangs )+(?:on|at|to) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)\W*$`, "which taints does node $1 have"),
	turnOf(politeLead+`(?:reserve|dedicate|keep|protect|guard|mark|block|equip|provide|hit|decorate|fence|earmark|close|shield|set aside|put aside) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*?)(?: (?:off|aside|free))?(?: for [a-z0-9 -]{2,30}?)? (?:with|by|using|via|through) (?:the |a |an |this )?(?:taint )?(\S+:(?:NoSchedule|NoExecute|PreferNoSchedule))\b`, "taint node $1 with $2"),
	turnOf(politeLead+`(?:put|set|place|stick|hang|slap|apply|add|give) (?:the |a |an |this )?(?:taint )?(\S+:(?:NoSchedule|NoExecute|PreferNoSchedule)) (?:on|onto|to|at) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)`, "taint node $2 with $1"),

	turnOf(`^\W*(?:the )?(?:node )?([a-z0-9][a-z0-9.-]*) (?:gets?|should (?:get|have|carry|bear)|shall (?:get|have|carry)|must (?:get|have|carry)|needs|receives?) (?:the |a |an |this )?(?:new )?(?:taint )?(\S+:(?:NoSchedule|NoExecute|PreferNoSchedule))\b`, "taint node $1 with $2"),

	// no new pods
	turnOf(`^\W*(?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)\s*[:,-]\s*(?:please )?no (?:new|more|further|additional|more new|fresh) (?:pods?|workloads?|work|scheduling|placements?)(?: (?:there|on it|please|for now|from now on))*\W*$`, "cordon node $1"),
	turnOf(politeLead+`no (?:new|more|further|additional|fresh) (?:pods?|workloads?|work|scheduling|placements?) (?:on|onto|to|for|at) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)`, "cordon node $1"),
	turnOf(politeLead+`(?:do not|don't|never) (?:place|schedule|put|start|send|land|run) (?:any |any more |anything |any new |new |more |further )+(?:pods?|workloads?|work|things?)? ?(?:on|onto|to|at) (?:the )?(?:node )?([a-z0-9][a-z0-9.-]*)`, "cordon node $1"),
	turnOf(`^(cordon (?:node )?[a-z0-9.-]+)\b[^,;.(-]{0,20}[,;.( -]+(?:and |but )?(?:whatever|what|everything(?: that)?|all that|anything(?: that)?|those|the (?:existing |running |current |old )?(?:pods?|workloads?|ones)(?: that)?)(?: (?:already |is |are |runs?|running|lives?|living|there|on it|in place|now|currently|sits?))* ?(?:may|can|should|must|shall|has to|have to|is to|are to)? ?(?:just |simply |all )?(?:stays?|remains?|keeps? running|run on|runs on|be left alone|go on|continues?|are fine|is fine)(?: (?:there|on it|where (?:it is|they are)|as (?:it is|they are)|running|put|alone))*\W*$`, "$1"),

	// quotas
	turnOf(politeLead+`(?:limit|cap|restrict|bound|hold|keep|confine) (?:the )?(?:namespace |ns )?([a-z0-9-]+?)(?: namespace)? (?:to|at) (?:at most |a max(?:imum)? of |max(?:imum)? |no more than |not more than |only )?(.+?),? (?:with|by|via|using|through|in) (?:a |an |the )?(?:new )?(?:resource ?)?quota,? (?:named|called|of the name|by the name of) ([a-z0-9-]+)\W*$`, "create quota $3 in namespace $1 with at most $2"),
	turnOf(politeLead+`(?:a |new |add |create |set |set up |make |put |i want |we want )*(?:a |an |the )?(?:new )?(?:resource ?)?quota (?:named |called )?([a-z0-9-]+) (?:for|in|on|onto|over) (?:the )?(?:namespace |ns )?([a-z0-9-]+?)(?: namespace)?(?:\s*[:,]\s*|\s+-\s+|\s+(?:with|of|at|that allows|that permits)\s+)(?:at most |a max(?:imum)? of |max(?:imum)? |no more than |not more than |up to |only )?(\d.*|(?:pods|cpu|memory|requests|limits|services)\S*[ =:]+\d.*)$`, "create quota $1 in namespace $2 with at most $3"),
	turnOf(`\b(?:used|usage|use|consumed) ?(?:vs\.?|versus|/|and|against|compared (?:to|with)|over|out) ?(?:of )?(?:the )?(?:hard|limits?|allowed|maximum|max)(?: (?:limits?|values?))?(?: (?:of|in|for|on|from)) (?:the )?(?:resource ?)?(?:quota )?([a-z0-9-]+)(?: quota)?`, "describe the quota $1"),
	turnOf(`\b(?:the )?(?:resource ?)?quota (?:usage|use|consumption|utili[sz]ation) (?:of|in|for) (?:the )?(?:quota )?([a-z0-9-]+-quota|quota-[a-z0-9-]+)\b`, "describe the quota $1"),

	// autoscalers
	turnOf(`\b(?:(?:lower|upper) (?:and|/|or) (?:lower|upper)|min(?:imum)?s? ?(?:/|and|&|or|,|-) ?max(?:imum)?s?|max(?:imum)?s? ?(?:/|and|&|or|,|-) ?min(?:imum)?s?)(?: replicas?| bounds?| limits?| counts?| number of replicas| settings?| values?)?(?: (?:of|for|in|on))`, "show", `\d|\bset\b|\bchange\b|\bupdate\b|\bmake\b`),
	turnOf(`\bnew (?:ceiling|maximum|max|upper (?:limit|bound)|cap|max replicas|maxreplicas)(?: (?:of|for|on) (?:the )?(.{2,50}?))?\s*(?:is|:|=|of|to be|shall be|should be|must be|will be|to)\s*(\d+)\b`, "set max replicas ${1} to $2"),
	turnOf(`\bnew (?:floor|minimum|min|lower (?:limit|bound)|min replicas|minreplicas)(?: (?:of|for|on) (?:the )?(.{2,50}?))?\s*(?:is|:|=|of|to be|shall be|should be|must be|will be|to)\s*(\d+)\b`, "set min replicas ${1} to $2"),

	turnOf(`\b((?:hpa|autoscaler) [a-z0-9-]+|[a-z0-9-]+ (?:hpa|autoscaler))( in \S+)?\s*[:,]?\s*(?:the )?(?:ceiling|max(?:imum)?|upper (?:limit|bound)|cap)\s*(?:is|:|=|to|of|at)?\s*(\d+)( please)?\W*$`, "set max replicas of $1$2 to $3", `\b(set|raise|lower|put|change|bump)\b`),
	turnOf(`\b((?:hpa|autoscaler) [a-z0-9-]+|[a-z0-9-]+ (?:hpa|autoscaler))( in \S+)?\s*[:,]?\s*(?:the )?(?:floor|min(?:imum)?|lower (?:limit|bound))\s*(?:is|:|=|to|of|at)?\s*(\d+)( please)?\W*$`, "set min replicas of $1$2 to $3", `\b(set|raise|lower|put|change|bump)\b`),

	// by hand
	turnOf(`,? ?\b(?:out of|off|outside|ahead of|before|independent of|regardless of) (?:its |the |of the |of its )?(?:usual |normal |regular )?(?:schedule|turn)\b`, " now", `\b(delete|remove|list|show)\b`),
	turnOf(`^\W*(?:the )?(?:cron ?job )?([a-z0-9][a-z0-9.-]*)(?: cron ?job| job| cron)?\s*[:,-]\s*(?:please )?no (?:more|further|new) (?:runs?|executions?|jobs?)(?: (?:until further notice|for now|please|from now on|today|this week|until i say so|till further notice))*\W*$`, "suspend cronjob $1"),
	turnOf(`\b(?:right now|right away|now|immediately|at once|once) (?:by hand|manually|outside (?:of )?(?:its|the) schedule)\b`, "now"),
	turnOf(`\b(?:by hand|manually|outside (?:of )?(?:its|the) schedule) (?:right now|right away|now|immediately|at once|once)\b`, "now"),

	// who goes
	turnOf(`\b(can|may|must|should|shall|could|has to|have to|need to|needs to) (?:both|all|all three|all of them|each|now both|both now) (go|leave|disappear|be (?:deleted|removed|dropped|killed))\b`, "$1 $2"),
	turnOf(`\b(?:both|all(?: of them)?) (can|may|must|should|shall|could|have to) (go|leave|disappear)\b`, "$1 $2"),
	turnOf(`,? (?:so|such) (?:that )?(?:it|they|the pods?|the thing) (?:gets?|is|are|will be|can be|comes?|come up|starts?|will|can) ?(?:recreated|restarted|rescheduled|replaced|respawned|created anew|made anew|back|up|fresh|afresh|again|anew|a fresh start|be rebuilt|rebuilt|come back|be recreated)(?: (?:fresh|again|anew|cleanly|by \w+))*\W*$`, ""),

	// one fewer
	turnOf(politeLead+`(?:i |we )?(?:need |want |have |run |make it |make do with )?(one|two|three|four|five|\d+) (?:replicas?|pods?|instances?|copy|copies|workers?) (?:less|fewer) (?:for|of|on|in|at) `, "scale down by $1: "),
	turnOf(politeLead+`(?:(?:i |we )(?:need |want |would like |'d like )|run |have |give me |use |make do with )(one|two|three|four|five|\d+) (?:(?:less|fewer) ([a-z0-9][a-z0-9.-]*)|([a-z0-9][a-z0-9.-]*)(?: (?:pods?|replicas?|instances?))? (?:less|fewer))\b`, "scale down by $1: $2$3"),

	turnOf(`^\W*(?:the )?([a-z0-9][a-z0-9.-]*(?: in \S+)?)[:,]? (one|two|three|four|five|\d+) (?:replicas?|pods?|instances?|copy|copies) more(?: please| pls)?\W*$`, "scale $1 up by $2"),
	turnOf(`^\W*(?:the )?([a-z0-9][a-z0-9.-]*(?: in \S+)?)[:,]? (one|two|three|four|five|\d+) (?:replicas?|pods?|instances?|copy|copies) (?:less|fewer)(?: please| pls)?\W*$`, "scale $1 down by $2"),

	// labels that are anything but
	turnOf(`\b(is|are|be|says|reads|has) (?:anything|everything|something|any value|whatever)(?: else)? (?:but|except|other than|besides|than) `, "$1 not "),
	turnOf(`\b(is|are|be) (?:different from|other than|different to|unequal to|anything else than) `, "$1 not "),
	turnOf(`\bwith (?:an? |the )?(?:label )?(app|tier|version|env|team|owner|component|role|release|zone|squad|part-of|track)(?: label)? (?:other than|different from|unequal to|not equal to|not|that is not|not being|anything but) ([a-z0-9][a-z0-9.-]*)`, "whose $1 label is not $2"),
	turnOf(`\bweb (address|addresses|urls?|addressing)\b`, "$1"),
}

// finePart says that a part of a sick whole is well: "the pods look fine".
var (
	finePart  = regexp.MustCompile(`(?i)[,;.(-]?\s*(?:but |and |although |though |while |even though )?\b(?:the |all |its |our |their )?(?:pods?|nodes?|containers?|endpoints|everything(?: else)?|the rest|logs?|others?) (?:all )?(?:looks?|seems?|is|are|appears?)(?: all| to be| perfectly| totally| just)* (?:fine|ok|okay|good|healthy|normal|green|up|clean|running|ready)\b[),;.]?`)
	sickWhole = regexp.MustCompile(`(?i)\bwhat'?s? (?:is |could be |might be )?(?:wrong|broken|up|going on|the (?:problem|matter|issue|trouble))|\bwhy\b|\bwhat happened\b|\brefus\w+|\bunreachable\b|\btim(?:es?|ed|ing) out\b`)
	okAgain   = regexp.MustCompile(`(?i)^\W*(?:(?:on second thoughts?|actually|hm+|no|nope|sorry|ok|okay|oh|wait|and|now|then|please|pls|can you|could you|let's)[,. ]+)*(?:take|remove|drop|strip|delete|pull|get|rip|clear)(?: (?:it|that|this|them|(?:the|that|this) (?:new |last |same )?(?:label|annotation|taint|tag|note)s?))(?: (?:off|away|down|rid of|out))?(?: (?:it|the node|the pod|there|from it))?(?: again| please| pls| then| now| after all)*\W*$`)
	theOneOf  = regexp.MustCompile(`(?i)\b(?:the|that|this) ([a-z0-9][a-z0-9.-]*) one\b`)
	ofSpace   = regexp.MustCompile(`(?i)\b([a-z0-9][a-z0-9-]*)'s (service ?account|sa|deployment|statefulset|daemonset|pod|service|svc|ingress|cron ?job|job|configmap|hpa) ([a-z0-9][a-z0-9.-]*)\b`)
	spaceName = regexp.MustCompile(`(^|[\s(,"])([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9.-]*[a-z0-9])([\s),.?!"']|$)`)
	kindName  = regexp.MustCompile(`(^|[\s(,"])([a-z]+)(?:\.v\d\w*)?\.([a-z0-9.-]+)/([a-z0-9][a-z0-9.-]*[a-z0-9])([\s),.?!:"']|$)`)
	accountIs = regexp.MustCompile(`(?i)^\W*(?:so |ok |okay |and |hey |hi |please tell me |tell me |can you tell me )?(?:is|are|if|whether|is it true that) (?:the )?(.{2,80}?) (?:able|allowed|permitted|entitled|authori[sz]ed|cleared|in a position|supposed) to (.+?)(?: (in there|there|in it|in here))?\s*\?*\s*$`)
	doneThere = regexp.MustCompile(`(?i)^(\W*(?:can|may|could) (?:the )?.{2,80}?) (?:in there|over there|there)\s*(\?*)\s*$`)
	accountAs = regexp.MustCompile(`(?i)\b(?:service ?account|sa)\b`)
)

// turned puts plainer words for what strangers say otherwise.
func turned(v *Vocabulary, focus Focus, said string) string {
	if passesThrough(said) || len(unquoted(said)) != len(said) {
		return said
	}
	if line := takenOff(focus, said); line != "" {
		return line
	}
	said = withOwnSpace(v, slashed(v, said))
	said = inContext(v, focus, said)
	said = nodeByPart(v, thatOne(v, focus, said))
	for _, t := range turns {
		if t.unless != nil && t.unless.MatchString(said) {
			continue
		}
		said = strings.TrimSpace(t.pattern.ReplaceAllString(said, t.plain))
	}
	if sickWhole.MatchString(said) {
		if rest := strings.TrimSpace(finePart.ReplaceAllString(said, ",")); strings.Trim(rest, " ,.?!") != "" {
			said = rest
		}
	}
	return accountCan(ranNow(v, said))
}

// slashed reads NAMESPACE/NAME and KIND.GROUP/NAME, as lists of objects print them.
func slashed(v *Vocabulary, said string) string {
	for range 4 {
		m := kindName.FindStringSubmatchIndex(said)
		if m == nil {
			break
		}
		word, group := strings.ToLower(said[m[4]:m[5]]), strings.ToLower(said[m[6]:m[7]])
		kinds := v.words[word]
		at := slices.IndexFunc(kinds, func(k *Kind) bool { return k.Group == group })
		if at < 0 {
			break
		}
		name := word
		if at > 0 {
			name = kinds[at].Key()
		}
		said = said[:m[4]] + name + " " + said[m[8]:]
	}
	for range 4 {
		m := spaceName.FindStringSubmatchIndex(said)
		if m == nil {
			break
		}
		ns, name := said[m[4]:m[5]], strings.ToLower(said[m[6]:m[7]])
		if len(v.words[ns]) > 0 || !v.namespaces[ns] || !slices.ContainsFunc(v.objects.named(name), func(o *Object) bool { return o.Namespace == ns }) {
			break
		}
		said = said[:m[4]] + said[m[6]:m[7]] + " in " + ns + said[m[8]:]
	}
	return said
}

// withOwnSpace reads "prod's deployment web".
func withOwnSpace(v *Vocabulary, said string) string {
	m := ofSpace.FindStringSubmatchIndex(said)
	if m == nil || !v.saysNamespace(said[m[2]:m[3]]) || !v.objects.has(strings.ToLower(said[m[6]:m[7]])) {
		return said
	}
	return said[:m[0]] + said[m[4]:m[5]] + " " + said[m[6]:m[7]] + " in " + said[m[2]:m[3]] + said[m[1]:]
}

// accountCan asks plainly what a service account may do: "is the service account reader in web able to list pods there".
func accountCan(said string) string {
	if m := accountIs.FindStringSubmatch(said); m != nil && accountAs.MatchString(m[1]) {
		return "can " + m[1] + " " + m[2]
	}
	if m := doneThere.FindStringSubmatch(said); m != nil && accountAs.MatchString(m[1]) {
		return m[1] + m[2]
	}
	return said
}

// thatOne puts the name of the one row of the last list that has the word in its name: "describe the payments one".
func thatOne(v *Vocabulary, focus Focus, said string) string {
	m := theOneOf.FindStringSubmatchIndex(said)
	if m == nil || focus.Plan == nil || len(focus.Rows) == 0 || len(focus.Names) > 0 {
		return said
	}
	toks := lex(strings.ToLower(said))
	for i := range toks {
		if asksChange(toks, i) {
			return said // what is changed is named in full
		}
	}
	w := strings.ToLower(said[m[2]:m[3]])
	if v.saysNamespace(w) || len(v.words[w]) > 0 || ordinalWords[w] != 0 {
		return said
	}
	var found []string
	for _, row := range focus.Rows {
		if row == w || slices.Contains(strings.FieldsFunc(row, func(c rune) bool { return c == '-' || c == '.' }), w) {
			found = append(found, row)
		}
	}
	kind, ok := v.kinds[focus.Resource.Key()]
	if len(found) != 1 || !ok {
		return said
	}
	return said[:m[0]] + strings.ToLower(kind.Kind) + " " + found[0] + said[m[1]:]
}

// takenOff is the line that takes off again what the last change put on, or "": "on second thought take it off again".
func takenOff(focus Focus, said string) string {
	if focus.Changed == nil || len(focus.Changed.Steps) != 1 || !okAgain.MatchString(said) {
		return ""
	}
	s := focus.Changed.Steps[0]
	if s.Op != OpLabel && s.Op != OpAnnotate && s.Op != OpTaint || len(s.Args.Set) == 0 || len(s.Args.Remove) > 0 {
		return ""
	}
	s.Args.Remove, s.Args.Set, s.Args.Overwrite = sortedKeys(s.Args.Set), nil, false
	return KubectlStep(s)
}

// nodeOrder is an order that only nodes are given, with what the node is called.
var nodeOrder = regexp.MustCompile(`(?i)` + politeLead + `(?:drain|cordon|uncordon|un-cordon|evacuate|taint|untaint) (?:off |out )?(?:the )?(?:node |machine |worker )?([a-z0-9][a-z0-9-]*)\b`)

// nodeByPart puts the whole name of the one node whose name ends in what it is called: "drain a2".
func nodeByPart(v *Vocabulary, said string) string {
	m := nodeOrder.FindStringSubmatchIndex(said)
	if m == nil {
		return said
	}
	w, found := strings.ToLower(said[m[2]:m[3]]), ""
	if len(w) < 2 || v.objects.has(w) || len(v.words[w]) > 0 || stopWords[w] || len(lexicon[w]) > 0 {
		return said
	}
	for _, o := range v.objects.ofKind("nodes") {
		if !strings.HasSuffix(o.Name, "-"+w) {
			continue
		}
		if found != "" {
			return said
		}
		found = o.Name
	}
	if found == "" {
		return said
	}
	return said[:m[2]] + found + said[m[3]:]
}
