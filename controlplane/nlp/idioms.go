package nlp

// idioms are tried in order; the first that the words of a clause begin with is taken.
var idioms = []idiom{
	// held up and let go on
	{"put <x> on hold|ice", "pause <x>", ""},
	{"put on hold <x>", "pause <x>", ""},
	{"place <x> on hold", "pause <x>", ""},
	{"stop|halt|quit|cease rolling out <x>", "pause rollout of <x>", "roll"},
	{"stop|halt|hold|freeze|interrupt|block|suspend the? rollout|roll-out|rollouts of|for|on <x>", "pause rollout of <x>", "roll"},
	{"stop|halt|hold|freeze|interrupt|block|suspend <x> rollout|rollouts|roll-out", "pause <x> rollout", "roll"},
	{"turn|switch <x> back on", "resume <x>", "cron"},
	{"turn|switch back on <x>", "resume <x>", "cron"},
	{"turn|switch on <x>", "resume <x>", "cron"},
	{"turn|switch <x> on again?", "resume <x>", "cron"},
	{"turn|switch <x> off", "suspend <x>", "cron"},
	{"turn|switch off <x>", "suspend <x>", "cron"},
	{"stop|halt <x> from running", "suspend <x>", "cron"},
	{"do not let|allow <x> run", "suspend <x>", "cron"},
	{"let|have|allow <x> to? run|start|fire again", "resume <x>", "cron"},
	{"start <x> again", "resume <x>", "cron"},
	{"<x> can|may|should run again", "resume <x>", "cron"},
	{"let|have <x> rollout|roll-out continue|proceed|resume|finish", "resume <x> rollout", "roll"},
	{"let|have the? rollout of <x> continue|proceed|resume|go", "resume rollout of <x>", "roll"},
	{"let|have|allow <x> to? continue|proceed|resume|carry|go on?", "resume <x>", "run"},
	{"carry|go|move|press on|ahead with the? rollout|roll-out? of? <x>", "resume rollout of <x>", "roll"},
	{"proceed with the? rollout? of? <x>", "resume rollout of <x>", "roll"},
	{"<x> rollout can|may|should go|carry|continue|proceed|resume on|ahead?", "resume rollout of <x>", "roll"},
	{"<x> can|may go|carry|continue|proceed on|ahead", "resume <x>", "roll"},
	{"take <x> off hold", "resume <x>", ""},

	// nodes
	{"open <x> up? for|to? scheduling|pods|workloads|business|traffic? again", "uncordon <x>", "node"},
	{"open up? <x> for|to? scheduling|pods|workloads|business? again?", "uncordon <x>", "node"},
	{"open <x> up for|to? scheduling|pods|workloads? again?", "uncordon <x>", "node"},
	{"reopen|unlock|unblock <x>", "uncordon <x>", "node"},
	{"put|bring|take|let|return|get|move <x> back? in|into|to|on the? rotation|service|scheduling|use|pool|business|duty|work|cluster", "uncordon <x>", "node"},
	{"put|bring|take|get <x> back online", "uncordon <x>", "node"},
	{"<x> can|may|should take|accept|run|host|get|receive|have new? pods|workloads|work again?", "uncordon <x>", "node"},
	{"<x> can|may be used|scheduled again", "uncordon <x>", "node"},
	{"let pods|workloads|work? back? on|onto <x> again?", "uncordon <x>", "node"},
	{"take|pull|get|keep <x> out of the? rotation|scheduling|service|pool|use|cluster?", "cordon <x>", "node"},
	{"close|lock|fence|block|quarantine|seal <x> off? for|to|from? new? scheduling|pods|workloads?", "cordon <x>", "node"},
	{"do not let|allow|schedule|place|put|start|run|land <.> on|onto|to <x>", "cordon <x>", "node"},
	{"do not let|allow <.> land|start|run|schedule|be <x>", "cordon <x>", "node"},
	{"no|nothing <.> on|onto <x>", "cordon <x>", "node"},
	{"keep|hold <.> away|off from? <x>", "cordon <x>", "node"},
	{"<x> should|must|may not get|take|accept|receive|have any? new? pods|workloads", "cordon <x>", "node"},
	{"move|get|take|bring|shift|push|clear|migrate|kick all|every|everything|the|any|pods|workloads all|the? pods|workloads|stuff|things? off|from|away|out from|of? <x>", "drain <x>", "node"},
	{"move|get|take|bring|shift|push|clear|migrate|kick them|it all? off|away from? <x>", "drain <x>", "node"},
	{"empty|clear|vacate|evacuate|flush|clean <x> out?", "drain <x>", "node"},
	{"empty|clear out <x>", "drain <x>", "node"},
	{"throw|remove|put the|a? <kv> taint from|off <x>", "remove taint <kv> from <x>", "node"},
	{"put|add|set|place a|an|the <w> taint <kv> on|to|onto <x>", "taint <x> <kv> <w>", "node"},
	{"<x> should|must|needs get|have|to? a|the? taint <kv>", "taint <x> <kv>", "node"},
	{"untaint <x> the? key is? <w>", "remove taint <w> from <x>", "node"},

	// back to what was
	{"put|take|bring|move|go|set|switch|change|return|reset|get|roll|revert back? <x> back? to revision|rev <n>", "roll back <x> to revision <n>", "roll"},
	{"put|take|bring|move|set|switch|change|return|reset|get|roll|revert back? <x> back? to the|its? previous|last|prior|earlier|old|older|former|preceding good|working|known|stable? version|revision|release|image|state|one|build|deployment?", "roll back <x>", "roll"},
	{"put|take|bring|move|set|switch|change|return|reset|get|roll|revert back? <x> back? to the|what|how|where one|version|revision|release|state|it? it? before|was|were before|yesterday?", "roll back <x>", "roll"},
	{"go|step|move|switch|roll back to the|its? previous|last|prior|earlier|old|older|former|preceding good|working|known|stable? version|revision|release|image|state|one|build of|for|on|with <x>", "roll back <x>", "roll"},
	{"go|step|move|roll back one|a? version|revision|release|step? of|for|on|with <x>", "roll back <x>", "roll"},
	{"back out the? last|latest|new|newest? release|rollout|deploy|deployment|version|change? of|for|on? <x>", "roll back <x>", "roll"},
	{"undo|revert|back the last|latest|new|newest? release|rollout|deploy|deployment|version|change|update of|for|on|to <x>", "roll back <x>", "roll"},

	// restarted
	{"give <x> a? good|quick|fresh|clean|rolling? restart|kick|bounce|reboot|cycle|restarting", "restart <x>", ""},
	{"<x> needs|need|wants|deserves|requires|could a|use|another a? good|quick|fresh|rolling? restart|kick|bounce|reboot|restarting|bouncing", "restart <x>", "roll"},
	{"do|perform|make|run|trigger|issue|start|initiate a|the? rolling|rollout? restart|bounce of|on|for|with <x>", "restart <x>", ""},
	{"turn|switch|power <x> off and? then? back? on again?", "restart <x>", "roll"},
	{"turn|switch off and? then? on again? <x>", "restart <x>", "roll"},
	{"roll|cycle|bounce|recycle the? <x> pods", "restart <x>", "roll"},
	{"restart|bounce the? pods of|for <x>", "restart <x>", "roll"},

	// how many
	{"knock|shave|trim|take|cut|drop|lop|chop|remove|shed|pull <n> replica|replicas|pod|pods|instance|instances|copy|copies? off|from|of|away out|of|from? <x>", "scale <x> down by <n>", "scale"},
	{"take|knock|shave|cut <n> replica|replicas|pod|pods|instance|instances? off|away from? <x>", "scale <x> down by <n>", "scale"},
	{"scale|take <x> down by? a replica|pod|notch", "scale <x> down by 1", "scale"},
	{"give|get|grant|hand|lend <x> <n> more|extra|additional replica|replicas|pod|pods|instance|instances|copy|copies|workers|nodes?", "scale <x> up by <n>", "scale"},
	{"add|put|throw|stack|slap|spin up? <n> more|extra|additional? replica|replicas|pod|pods|instance|instances|copy|copies? to|on|onto|at|for|of|in <x>", "scale <x> up by <n>", "scale"},
	{"<n> more|extra|additional replica|replicas|pod|pods|instance|instances|copy|copies|workers|nodes? of|for|on|to|in <x>", "scale <x> up by <n>", "scale"},
	{"another|additional replica|pod|instance|copy? of|for|on|to|in <x>", "scale <x> up by 1", "scale"},
	{"<n> fewer|less replica|replicas|pod|pods|instance|instances? of|for|on|in <x>", "scale <x> down by <n>", "scale"},
	{"cut|slash|reduce <x> in|by half", "halve <x>", "scale"},
	{"<x> should|must|has|have|needs|need|ought to? only|just? be|have|run|use|get running|at|on|with|to? at|on|with? <n> replica|replicas|pod|pods|instance|instances|copy|copies", "scale <x> to <n>", "scale"},
	{"<x> needs|need|wants|want|requires|gets|has to? have? only|just? <n> replica|replicas|pod|pods|instance|instances|copy|copies|workers|brokers|nodes", "scale <x> to <n>", "scale"},
	{"there should|must|shall|need be|to be? <n> replica|replicas|pod|pods|instance|instances|copy|copies of|for <x>", "scale <x> to <n>", "scale"},
	{"<x> to have|run <n> replica|replicas|pod|pods|instance|instances|copy|copies", "scale <x> to <n>", "scale"},
	{"run|operate|keep|have|leave <x> with|on|at|as just|only? <n> replica|replicas|pod|pods|instance|instances|copy|copies?", "scale <x> to <n>", "scale"},
	{"make <x> <n> replica|replicas|pods|instances|copies", "scale <x> to <n>", "scale"},
	{"make that|it? <n> replica|replicas|pods|instances|copies of|for <x>", "scale <x> to <n>", "scale"},
	{"bring|take|put|set|turn|drop|run|get|spin <x> down? to zero|nothing|none|0", "scale <x> to 0", "scale"},
	{"push|grow|take|bring|set|size|get|put|run|move|crank|pump|dial|ramp|lower|raise|bump|turn|drop|shrink|cut|reduce|increase|expand|resize|pull|trim <x> up|down|back|out? to <n> replica|replicas|pod|pods|instance|instances|copy|copies|workers|brokers|nodes?", "scale <x> to <n>", "scale"},
	{"<x> up|down|back? to <n> replica|replicas|pod|pods|instance|instances|copy|copies|workers|brokers|nodes?", "scale <x> to <n>", "scale"},

	// images
	{"put|ship|deploy|push|roll|bring|get|use|install|load|run|release|launch|place|set out? image? <i> out? on|onto|to|into|in|for|with|at <x>", "set image of <x> to <i>", "roll"},
	{"move|switch|get|take|bring|bump|upgrade|migrate|update|change|swap|put|push|set|promote|point|roll <x> image|version|tag? up|over|on|off|forward|out? to|onto|on|with|for|by|at the? image|version|tag|release? <i>", "set image of <x> to <i>", "roll"},
	{"swap|exchange|replace|change|switch the? image of|for|in <x> for|by|with|to|against <i>", "set image of <x> to <i>", "roll"},
	{"<x> should|must|has|needs|shall|can|ought to? now|also? use|run|be|get|have|move|go|pull|take on|to|onto|with? the? image|version|tag|release? <i>", "set image of <x> to <i>", "roll"},
	{"new|the image|version|tag for|of|on <x> is|to|should|: be? <i>", "set image of <x> to <i>", "roll"},
	{"new|the image|version|tag for|of|on <x> <i>", "set image of <x> to <i>", "roll"},
	{"<x> container|image|version|tag image|version|tag? is|to|should|must|at|: be|use|run|to? <i>", "set image of <x> to <i>", "roll"},
	{"<x> image|version|tag|to <i>", "set image of <x> to <i>", "roll"},

	// variables
	{"<ekv> on|for|in|to|into|at <x>", "set env <ekv> on <x>", "run"},
	{"<x> needs|need|wants|gets|should|must get|have|run? with? env? <ekv>", "set env <ekv> on <x>", "run"},
	{"<x> <ekv>", "set env <ekv> on <x>", "run"},
	{"switch|turn|flip|change|put|move|set|bump|raise|lower <e> to|=|on|off <w> on|for|in|of <x>", "set env <e> to <w> on <x>", "run"},
	{"drop|remove|delete|unset|clear|strip|get|take rid of? the? env|environment? var|variable? <e> off|from|on|of|in|for <x>", "unset env <e> from <x>", "run"},
	{"get rid of the? env|environment? var|variable? <e> off|from|on|of|in|for <x>", "unset env <e> from <x>", "run"},

	// labels and annotations
	{"take|strip|peel|get|pull|rip|knock the? <w> label|tag off|from of? <x>", "remove label <w> from <x>", ""},
	{"take|strip|peel|get|pull|rip|knock the? label|tag <w> off|from of? <x>", "remove label <w> from <x>", ""},
	{"take|strip|peel|get|pull|rip|knock|drop the? <w> annotation off|from of? <x>", "remove annotation <w> from <x>", ""},
	{"take|strip|peel|get|pull|rip|knock|drop the? annotation <w> off|from of? <x>", "remove annotation <w> from <x>", ""},
	{"put|stick|attach|slap|hang|add|set|apply|tack|pin|place|give the|a|an? label|tag <kv> on|onto|to|at|for <x>", "label <x> <kv>", ""},
	{"put|stick|attach|slap|hang|add|set|apply|tack|pin|place|write the|a|an? annotation|note <kv> on|onto|to|at|for <x>", "annotate <x> <kv>", ""},
	{"put|stick|attach|slap|hang|apply <kv> as a|an? label on|onto|to <x>", "label <x> <kv>", ""},
	{"give <x> the|a|an? label|tag <kv>", "label <x> <kv>", ""},
	{"give <x> the|a|an? annotation <kv>", "annotate <x> <kv>", ""},
	{"<x> should|must|needs|shall be? have|get|carry|bear|labelled|labeled|tagged|marked the|a|with|as? label|tag? <kv>", "label <x> <kv>", "node"},
	{"<x> should|must|needs|shall have|get|carry|bear the|a? label|tag <kv>", "label <x> <kv>", ""},

	// runs of cron jobs
	{"kick|fire|set|start <x> off by hand|manually|once|now", "trigger <x>", "cron"},
	{"kick off|start|fire|launch|run|trigger|execute|do|start off? <x> by|right|manually|once|now|immediately|out|ahead|today hand|now|of|once|manually|away? order|turn|schedule|time?", "trigger <x>", "cron"},
	{"do|start|trigger|launch|need|give|want|make|get a|an|one|another me|us? extra|additional|manual|immediate|one-off|unscheduled|fresh|separate? run|execution of|for <x>", "trigger <x>", "cron"},
	{"an|one|another extra|additional|manual|immediate|one-off|unscheduled|more? run|execution of|for <x>", "trigger <x>", "cron"},

	// when cron jobs run
	{"<x> should|must|has|needs|shall|ought|is to? be? only|now|rather|instead? run|fire|start|go|kick|happen|scheduled|execute|begin off? only|for? <t>", "set schedule of <x> to <t>", "cron"},
	{"make|let|have|get <x> to? only? run|fire|start|go|kick|execute off? only? <t>", "set schedule of <x> to <t>", "cron"},
	{"run|fire|start|execute|schedule|reschedule|move|shift|change|set|put|push|switch <x> only|schedule|to|for|over? to|from|for? <t>", "set schedule of <x> to <t>", "cron"},
	{"change|set|make|move|switch|update|put|adjust the? schedule|cron|timing|time of|for <x> to|:|= be? <t>", "set schedule of <x> to <t>", "cron"},
	{"<x> cron|job|schedule? only|at|on|to|runs|from|is|:? now|only|at|on? <t>", "set schedule of <x> to <t>", "cron"},

	// sizes
	{"<x> needs|need|should|must|has|shall to? be|have|get|grow at? least? <q>", "resize <x> to <q>", "claim"},
	{"make|grow|extend|expand|enlarge|bring|bump|get|take|set|increase|raise|blow <x> up|out? to? bigger|larger? at|to|: least? <q>", "resize <x> to <q>", "claim"},
	{"make|give <x> <q>", "resize <x> to <q>", "claim"},
	{"<x> claim|volume|size|disk? to <q>", "resize <x> to <q>", "claim"},

	// where traffic goes
	{"<x> should|must|has|needs|shall|can to? now? point|select|go|route|send|switch|use|target|look to|at|traffic|over|pods? to|at|with|pods? the? <kv>", "set selector of <x> to <kv>", "service"},
	{"point|aim|switch|route|direct|move|send|cut|flip|shift|turn|swing <x> selector|traffic|over? over? to|at|towards|onto|with pods? with? <kv>", "set selector of <x> to <kv>", "service"},
	{"point|aim|switch|route|direct|move|send|cut|flip|shift|swing the? selector|traffic|requests of|for|on|from <x> over? to|at|towards|onto <kv>", "set selector of <x> to <kv>", "service"},

	// gone
	{"kick|throw|chuck|boot|toss <x> out", "delete <x>", ""},
	{"<x> can|may|should|must go|leave|disappear away|too|now? $", "delete <x>", ""},
	{"<x> has|needs to go|leave|disappear away|too|now? $", "delete <x>", ""},

	// what is to be done to a thing, said of the thing
	{"i|we would? want|like|need|prefer <x> to? be? <p>", "<p> <x>", ""},
	{"have|get <x> <p>", "<p> <x>", ""},
	{"<x> must|should|can|may|shall now|please|also? be|get now|please|also? <p>", "<p> <x>", ""},
	{"<x> has|have|needs|need|ought|is|are to be|get <p>", "<p> <x>", ""},
	{"<x> to be <p>", "<p> <x>", ""},
	{"<x> needs|need|wants|requires <g>", "<g> <x>", ""},
}
