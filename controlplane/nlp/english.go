package nlp

// plainWeight is what a plain English word weighs that nothing explains: little, because it names nothing in a cluster.
const plainWeight = 0.15

// plainWords are everyday words that name nothing in a cluster. They are never mended into something else, and weigh
// little in a read; in a change every word that is not explained still counts (see answer).
var plainWords = wordSet(`
able absolutely access according across act active add advance afraid after afternoon afterwards against ahead alert alerts almost along already
alternatively although always amount analysis angry another answer anyhow anyway apparently appear appears appreciate approximately area around arrive
asked asking assume attention audit aware away awesome
back bad badly basically became become becomes before began begin behave behaves behaving behind believe below best better beyond big bigger biggest boss
breakdown brief briefly bring broke build building busy buy
call called calling calls came careful carefully case cases certain certainly change changed changes chance choose clear clearer clearly client clients
close coffee colleague colleagues comes comfortable coming company compare compared comparison complain complained complaining complains complete completely
concerned concerning confirm confused consider considered contain containing contains continue correct correctly could couple course crazy curious
current currently custom customer customers
daily dashboard day days deal dear decide deep definitely demo deployed depend depends despite detect detected determine developer developers difference
different differently difficult directly discover discuss doing double doubt due during
early easier easily easy effect either else email emails emergency end ended ends engineer engineers enough ensure entirely especially essentially even evening
eventually everybody everyone exact exactly example excellent except exclude excluding expected experience experiencing extremely
fact fairly fast faster feel felt few figure finally fine first fix fixed fixing follow following forgot form format former found friday friend full fully
funny further future
gather general generally gets getting give given gives giving glad going gone gonna good gotta great group guess guide guy guys
had half hand handle handled handles handy happy hard hardly having hear heard heavily held helpful here hey higher highly holding holds home hope hopefully
hour hours house however huge hurry
idea ideally ideas immediately important impression incident incidents include included includes including indeed individual info information inside
installed instance instead intend intended interest interested interesting into investigate investigation involved issue
job joined just
keep keeps kept kind kinds knew know knowing known knows
large largest last lately later latter lead leading learn least leave left less letting level like likely line lines listen listening listens little
live living lives load loads local located long longer longest look looked looking looks lost lots love lower luck lunch
made main mainly maintain major majority makes making manage managed managed-by manager managers many matter matters maybe mean meaning means meant measure meet
meeting mention mentioned mentions message met method might minute minutes missed missing mode moment monday month months morning mostly move moved moving
much must
nature near nearly necessary need needed needs neither network nice night nobody none noon nope normal normally notice noticed nothing now nowadays
obvious obviously occasionally occur occurred occurring odd off offer office often okay old once oncall on-call open opened operate operations opinion option
options order ordinary original other others otherwise ought outside over overall overview own
page paged paging part particular particularly partner parts pass past people per perfect perhaps period person phone pick picture piece place placed plan
plus point points poor possible possibly post potentially present presently presumably pretty prevent preview previously prior probably problem
process produce product protect protecting protects professional project proper properly provide provided provides pull pulled purpose
question questions quick quicker quickly quiet quite
random range rather reach reached reaches react ready real really reason reasonable receive received recent recently record regard regarding regards related
relation relevant remain remaining remains remember remind report reported reporting reports represent required requires respect respectively respond
rest result results return review right rough roughly round rush
safe said same saturday save saw saying says scared second seconds section see seeing seem seemed seems seen send sense sent separate serious seriously serve served
serves serving session share shared short shortly should showed showing shown shows side similar similarly simple simply single sit sits sitting situation
size slightly slow slowly small smaller smallest snapshot someone something sometimes somewhat somewhere soon sorry sort sound sounds spare speak special
specific specifically spot standard standup start state stay stays stayed still strange stuff subject such sudden suddenly suggest suggestion summary sunday
super supply support supported supports suppose supposed sure surely surprise suspect swear
take taken takes taking talk talking task team teammate teams tell telling tells ten term terms terrible thank thanked thanks that them then there thereby
therefore these thing think thinking thinks third this those though thought thoughts through throughout thursday ticket till times tired today together told
tomorrow tonight took top total totally touch toward towards track traffic tried trouble truly trust try trying tuesday turned twice type types typical
typically
ultimately unclear uncertain under understand understanding unexpected unexpectedly unfortunately unit unless unlikely until unusual upcoming update updates upon urgent
urgently useful user users usual usually
valid various very via view visible visit
wait waiting walk wanna want wanted wants warn watch watching way ways wednesday week weekend weeks weird well went whatever whatsoever whenever wherever whether
while whole whoever wish within without wonder wondered wondering word words work worked working works world worried worry worse worst worth would write
wrote wise cpu-wise rubbish untoward forth mutual evidence folder
namespaced non-namespaced scoped cluster-scoped
carry carries carrying object objects successful normal
yeah year years yep yesterday yet you young yours yourself
`)

// offTopic are things that people ask of chat programs and never of a cluster: with one of them, a kind's name is a subject
// to write about and nothing to list.
var offTopic = wordSet(`poem poems haiku joke jokes song songs lyrics recipe recipes weather movie movies film novel essay blog tweet riddle limerick
script scripts python javascript java golang rust html css tutorial book books homework translate translation french german spanish italian president
football soccer baseball stock stocks bitcoin crypto horoscope pizza cake dinner holiday vacation birthday lottery supplier purchase hardware christmas easter invoice salary picture painting draw paint sing dance
curriculum interview hotel chess gossip girlfriend boyfriend printer chatgpt gpt openai claude gemini`)
