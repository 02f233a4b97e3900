package nlp

// speechIdioms are ways of asking that people have where they talk and do not command; they are tried before the others.
var speechIdioms = []idiom{
	// as kubectl has them, with the place behind
	{"rollout|roll-out undo|back|rollback <x> to? revision|rev|version|r <n>", "roll back <x> to revision <n>", "roll"},
	{"rollout|roll-out undo|rollback <x>", "roll back <x>", "roll"},
	{"rollout|roll-out restart <x>", "restart <x>", "roll"},
	{"rollout|roll-out pause <x>", "pause <x>", "roll"},
	{"rollout|roll-out resume <x>", "resume <x>", "roll"},

	// held up, let go on, back to what was
	{"go|get|return|revert|step|move|switch|change|roll back? to the|what|that one|version|revision|release|image|state|build|deployment|deploy just? right? before|preceding|prior|previous to? it|that|this|them|last|then? one? $", "roll back", ""},
	{"<n> replica|replicas|pod|pods|instance|instances|copy|copies is|are|would|should|will be? plenty|enough|sufficient|fine|plenty|okay|ok enough? for|of|on <x>", "scale <x> to <n>", "scale"},
	{"<n> is|are|would|should|will be? plenty|enough|sufficient|fine|okay|ok for <x>", "scale <x> to <n>", "scale"},
	{"<n> replica|replicas|pod|pods|instance|instances|copy|copies for|of|on <x> is|are|would|should|will|sounds|seems be? plenty|enough|sufficient|fine|okay|ok|good|right|better", "scale <x> to <n>", "scale"},
	{"a|an|the rolling|rollout|quick|fresh|full|complete? restart|bounce|reboot of|for <x> would|should|could|will|might|may be? help|do|good|great|nice|lovely|appreciated|fix|needed|due|best|cool|wonderful it? $", "restart <x>", "roll"},
	{"an|a|new? hpa|autoscaler for|on|of <x> with? min|minimum|minreplicas <n>", "autoscale <x> min <n>", "scale"},
	{"<x> replicas|instances to|at|:? <n> please|pls|thanks? $", "scale <x> to <n>", "scale"},
	{"<x> image|tag|version to|at|:? <i> please|pls|thanks? $", "set image of <x> to <i>", "roll"},
	{"<n> more|extra|additional replica|replicas|pod|pods|instance|instances|copy|copies please|pls|thanks? $", "scale up by <n>", ""},
	{"<n> replica|replicas|pod|pods|instance|instances|copy|copies less|fewer please|pls|thanks? $", "scale down by <n>", ""},
	{"<n> less|fewer replica|replicas|pod|pods|instance|instances|copy|copies please|pls|thanks? $", "scale down by <n>", ""},
	{"put|bring|get|take|restore back? what|whatever|how was|it|we|they was|were|had|ran|used|running? there|here|running? before|previously|earlier|then? $", "roll back", ""},
	{"put|bring|get|take|restore back? what|whatever|how was|were|had|ran|used <x> before|previously|earlier|then $", "roll back <x>", "roll"},
	{"restore|bring back? the|its? previous|old|last|earlier|former|prior version|state|release|revision|one|image back? please? $", "roll back", ""},
	{"<n> will|would|should|can|must do|suffice for <x>", "scale <x> to <n>", "scale"},
	{"hit|press|push pause|stop|hold on|for <x>", "pause <x>", ""},
	{"hit|press|push resume|play|continue|unpause on|for <x>", "resume <x>", ""},
	{"put|slam|hit the brakes on|for <x>", "pause <x>", "roll"},
	{"let|allow|have <x> to? again? take|accept|get|receive|host|run|have any|some|new? pods|workloads|work|load|traffic again?", "uncordon <x>", "node"},
	{"wind|rewind|turn|dial|walk back? the? last|latest|new|newest|recent|most release|rollout|deploy|deployment|version|change|update|recent|upgrade release|rollout|deploy|deployment|version|change|update|upgrade? of|for|on|to|in <x>", "roll back <x>", "roll"},
	{"wind|dial|walk|crank back <x>", "roll back <x>", "roll"},
	{"rewind <x>", "roll back <x>", "roll"},
	{"wind|walk|dial <x> back $", "roll back <x>", "roll"},

	{"the|that|this aforementioned|said|same? taint may|can|should|must|has|needs|is now? to? be? lifted|removed|dropped|gone|go|deleted|off again?", "untaint it", ""},
	{"lift|remove|drop|delete|take the|that|this aforementioned|said|same? taint off|away|again? $", "untaint it", ""},

	// gone
	{"<x> <..> and|so can|may|should|must|could|shall now|also|thus|therefore? be now|also? <p>", "<p> <x>", ""},
	{"<x> <..> and|so can|may|should|must|could|shall now|also? go now|too|away|please? $", "delete <x>", "other"},
	{"<x> can|may|should|must|could|shall now|also? be thrown|chucked|tossed|cleared|cleaned away|out|up too|now|please?", "delete <x>", "other"},
	{"<x> has|have|needs|need|is|are|ought to be thrown|chucked|tossed away|out", "delete <x>", "other"},
	{"revoke|withdraw|rescind|unbind|annul <x>", "delete <x>", "binding"},
	{"yeet <x> out? of|from <.> $", "delete <x> in <.>", ""},
	{"yeet <x>", "delete <x>", ""},
	{"take|remove|get <x> out|from of? the? cluster by|with a|the? delete|deletion|deleting", "delete <x>", "node"},

	// variables
	{"the|that|a? env|environment? var|variable? <e> shall|should|must|can|may|has|needs|is|ought|to to? be? removed|dropped|unset|deleted|cleared|stripped|gone|go from|of|on|off|in <x>", "unset env <e> from <x>", "run"},
	{"<x> does|do no|not longer|more? have|need|carry|use|get|see the? env|environment? var|variable? <e> env|environment? var|variable? any more|longer", "unset env <e> from <x>", "run"},
	{"<x> does|do no|not longer|more? need the? env|environment? var|variable? <e> env|environment? var|variable?", "unset env <e> from <x>", "run"},
	{"<x> should|must|shall|needs|need|may no|not longer|more? have|need|needs|carry|use|get|see the? env|environment? var|variable? <e> env|environment? var|variable? any? more?", "unset env <e> from <x>", "run"},
	{"<x> needs|need|uses no|not longer|more? the? env|environment? var|variable? <e> any? more?", "unset env <e> from <x>", "run"},
	{"put|set|get|have|point|make the? env|environment? var|variable? <e> at|to|as|on|= <w> for|on|in|of|at <x>", "set env <e> to <w> on <x>", "run"},
	{"the|our|that? env|environment? var|variable? <e> should|must|shall|has|needs|ought to? be|become|read|say|point set|changed|switched? at|to? <w> for|on|in|of|at <x>", "set env <e> to <w> on <x>", "run"},

	// labels
	{"<x> should|must|shall|needs|may no|not longer|more? have|carry|bear|wear|keep|get the|its|a|any? <w> label|tag any? more|longer?", "remove label <w> from <x>", ""},
	{"<x> should|must|shall|needs|may no|not longer|more? have|carry|bear|wear|keep|get the|its|a|any? label|tag <w> any? more|longer?", "remove label <w> from <x>", ""},
	{"<x> should|must|shall|needs|may no|not longer|more? have|carry|bear|keep|get the|its|a|any? <w> annotation any? more|longer?", "remove annotation <w> from <x>", ""},
	{"<x> does|do no|not longer|more? need|want|require the|its|a|any? <w> label|tag any? more|longer?", "remove label <w> from <x>", ""},
	{"<x> should|must|shall|has|needs|ought to? lose|drop the|its? <w> label|tag", "remove label <w> from <x>", ""},
	{"<x> should|must|shall|has|needs|ought to? lose|drop the|its? <w> annotation", "remove annotation <w> from <x>", ""},
	{"the <w> label|tag should|must|shall|can|has|needs|ought to? go|disappear|vanish|come off? from|of|on? <x>", "remove label <w> from <x>", ""},
	{"the <w> label|tag should|must|shall|can|has|needs|ought to? be removed|dropped|stripped|taken off? from|of|on? <x>", "remove label <w> from <x>", ""},
	{"<x> the|its? <w> label|tag to|should|must|shall|has|needs|ought to? be changed|set|switched|updated|moved|turned to <v>", "label <x> <w>=<v>", ""},
	{"<x> the|its? <w> label|tag to|should|must|shall|has|needs|ought to? be|become|read|say <v>", "label <x> <w>=<v>", ""},
	{"<x> label|tag <w> to|should|must|shall|has|needs|ought to? be|become changed|set|switched|updated? to? <v>", "label <x> <w>=<v>", ""},
	{"the <w> label|tag of|on <x> to|should|must|shall|has|needs|ought to? be|become|read changed|set|switched|updated? to? <v>", "label <x> <w>=<v>", ""},
	{"put|stick|slap|hang|set|add <kv> on|onto|to|at each|every and? every|single? single? <x>", "label all <x> <kv>", ""},

	// runs of cron jobs
	{"run|do|start|fire|execute|launch|trigger <x> once|one? more|again|anew time? by? hand|manually|now?", "trigger <x>", "cron"},
	{"give <x> a|another|one more|manual|extra? run|spin|go|shot right? now?", "trigger <x>", "cron"},

	// autoscalers and their bounds
	{"<x> wants|want|needs|need|gets|should|must get|have? an|a|its|own new|own? hpa|autoscaler|horizontalpodautoscaler|autoscaling", "autoscale <x>", "scale"},
	{"give|get|make <x> an|a|its new|own? hpa|autoscaler|horizontalpodautoscaler", "autoscale <x>", "scale"},
	{"put|add|attach|hang|set|slap up? an|a new? hpa|autoscaler|horizontalpodautoscaler on|onto|to|for|over <x>", "autoscale <x>", "scale"},
	{"raise|lower|lift|bump|increase|reduce|change|drop <x> max|maximum|maxreplicas|ceiling up|down? to|at <n>", "set max replicas of <x> to <n>", "hpa"},
	{"raise|lower|lift|bump|increase|reduce|change|drop <x> min|minimum|minreplicas|floor up|down? to|at <n>", "set min replicas of <x> to <n>", "hpa"},
	{"put|set|move|bring|push|get the? max|maximum|maxreplicas|ceiling of|for|on <x> at|to|up <n>", "set max replicas of <x> to <n>", "hpa"},
	{"put|set|move|bring|push|get the? min|minimum|minreplicas|floor of|for|on <x> at|to|up <n>", "set min replicas of <x> to <n>", "hpa"},
	{"put|set|move|bring|push|get <x> max|maximum|maxreplicas|ceiling at|to|up <n>", "set max replicas of <x> to <n>", "hpa"},
	{"put|set|move|bring|push|get <x> min|minimum|minreplicas|floor at|to|up <n>", "set min replicas of <x> to <n>", "hpa"},

	// images
	{"ship|deploy|release|roll|push|promote|put|bring|take|get <x> version|image|tag? <i> out? to|in|into|on|onto <.> $", "set image of <x> to <i> in <.>", "roll"},
	{"we|i? hereby? ship|deploy|release <x> version|image|tag? <i>", "set image of <x> to <i>", "roll"},

	// resources
	{"give|grant|allow|get <x> a|an|the cpu request of|: <q>", "set cpu request of <x> to <q>", "run"},
	{"give|grant|allow|get <x> a|an|the memory|mem|ram request of|: <q>", "set memory request of <x> to <q>", "run"},
	{"give|grant|allow|get <x> a|an|the cpu limit|cap of|: <q>", "set cpu limit of <x> to <q>", "run"},
	{"give|grant|allow|get <x> a|an|the memory|mem|ram limit|cap of|: <q>", "set memory limit of <x> to <q>", "run"},

	// fields of custom resources
	{"keep|retain|hold|store|save|preserve <x> for|around at|around? least? <d>", "set retention of <x> to <d>", "custom"},
	{"<x> should|must|has|needs|shall|can|may to? be kept|retained|held|stored|saved|preserved for|around at|around? least? <d>", "set retention of <x> to <d>", "custom"},
	{"<x> <w> becomes|become|goes now? to? <v>", "set <w> of <x> to <v>", "custom"},
	{"<x> <w> <n> instead|rather of|than <v>", "set <w> of <x> to <n>", "custom"},

	// new things
	{"carve|cut|fence|mark|peel|open|stand out|off|aside|up a|an new|fresh? <k> called|named|as? <new>", "create <k> named <new>", ""},
}
