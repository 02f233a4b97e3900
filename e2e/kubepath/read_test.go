package kubepath_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// pod makes a pod with a status of its own, as a kubelet would have written it: there are no nodes here.
func (p *place) pod(name, status string) {
	p.t.Helper()
	p.apply(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","labels":{"app":"` + name + `"}},
		"spec":{"containers":[{"name":"main","image":"shop/` + name + `:1"}],"tolerations":[{"operator":"Exists"}]}}`)
	p.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", status)
}

const (
	fine     = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"main","image":"x","imageID":"x","ready":true,"restartCount":0,"state":{"running":{}}}]}}`
	crashing = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],"containerStatuses":[{"name":"main","image":"x","imageID":"x","ready":false,"restartCount":7,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}}`
	noImage  = `{"status":{"phase":"Pending","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}`
)

func TestAListIsTheServersOwnTable(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 2)
	p.deploy("api", 1)
	tab := table(t, p.read(p.step(nlp.OpGet, deployments)))
	if got := column(t, tab, "Name"); !slices.Equal(got, []string{"api", "web"}) {
		t.Errorf("names %v", got)
	}
	if tab.Columns[1] != (chat.Column{Name: "Ready", Kind: "status"}) || tab.Namespace != p.ns {
		t.Errorf("table %+v", tab)
	}
	wide := p.step(nlp.OpGet, deployments, "web")
	wide.Args.Output, wide.Args.ShowLabels = "wide", true
	tab = table(t, p.read(wide))
	if got := column(t, tab, "Images"); got[0] != "shop/web:1" {
		t.Errorf("images %v", got)
	}
	if got := column(t, tab, "Labels"); got[0] != "app=web" {
		t.Errorf("labels %v", got)
	}
	everywhere := nlp.Step{Op: nlp.OpGet, Resource: deployments, AllNamespaces: true, LabelSelector: "app=web"}
	if got := column(t, table(t, p.read(everywhere)), "Namespace"); !slices.Contains(got, p.ns) {
		t.Errorf("namespaces %v", got)
	}
	none := p.step(nlp.OpGet, pods)
	none.LabelSelector = "app=nothing"
	contains(t, said(t, p.read(none)), "No pods in "+p.ns)
}

func TestFiltersSortsAndCountsSayWhatSelectorsCannot(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.pod("fine", fine)
	p.pod("crashing", crashing)
	p.pod("noimage", noImage)
	for _, c := range []struct {
		test, value, want string
	}{
		{nlp.TestCrashing, "", "crashing"}, {nlp.TestReady, "", "fine"}, {nlp.TestNotReady, "", "crashing noimage"},
		{nlp.TestUnhealthy, "", "crashing noimage"}, {nlp.TestOOMKilled, "", "crashing"}, {nlp.TestImagePull, "", "noimage"},
		{nlp.TestPending, "", "noimage"}, {nlp.TestRestartsOver, "3", "crashing"}, {nlp.TestOlderThan, "1h", ""},
		{nlp.TestNewerThan, "1h", "crashing fine noimage"}, {nlp.TestName, "ash", "crashing"}, {nlp.TestImage, "shop/fine", "fine"},
	} {
		s := p.step(nlp.OpGet, pods)
		s.Post.Filter = []nlp.Filter{{Test: c.test, Value: c.value}}
		parts := p.read(s)
		got := ""
		if _, ok := parts[0].(chat.Table); ok {
			got = strings.Join(column(t, table(t, parts), "Name"), " ")
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.test, c.value, got, c.want)
		}
	}
	s := p.step(nlp.OpGet, pods)
	s.Post.Sort, s.Post.Desc, s.Post.Top = "restarts", true, 1
	if got := column(t, table(t, p.read(s)), "Name"); !slices.Equal(got, []string{"crashing"}) {
		t.Errorf("most restarts: %v", got)
	}
	s.Post = nlp.Post{Count: true}
	if got, want := p.read(s)[0], (chat.Count{Count: 3, Of: 3, What: "pods in " + p.ns}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.Post.Filter = []nlp.Filter{{Test: nlp.TestCrashing}, {Test: nlp.TestRestartsOver, Value: "2"}}
	want := chat.Count{Count: 1, Of: 3, What: "pod in " + p.ns + " that is crashing and has more than 2 restarts"}
	if got := p.read(s)[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSecretValuesAreNowhere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	// applied, so that the values are in an annotation as well
	p.apply(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","labels":{"app":"db"}},"stringData":{"password":"correct horse battery","url":"postgres://u:sesame123@db/x"}}`)
	p.apply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"conf"},"data":{"api_token":"abcdef123456","dsn":"mysql://root:sesame123@db/x","color":"blue"}}`)
	p.deploy("web", 1)
	hidden := []string{"correct horse", "Y29ycmVjdCBob3JzZS", "sesame123", "abcdef123456", "hunter2", "c2VzYW1l"}
	check := func(what string, parts any) string {
		t.Helper()
		text := said(t, parts)
		for _, h := range hidden {
			if strings.Contains(text, h) {
				t.Errorf("%s shows %q:\n%s", what, h, text)
			}
		}
		return text
	}
	for _, output := range []string{"", "wide", "yaml", "json", "jsonpath={.data}", "jsonpath={.data.password}", "jsonpath={.metadata.annotations}", "custom-columns=X:.data.password"} {
		s := p.step(nlp.OpGet, secrets, "db")
		s.Args.Output = output
		text := check("get -o "+output, p.read(s))
		if output == "yaml" {
			contains(t, text, "password", "redacted len=21")
		}
	}
	contains(t, check("describe", p.read(p.step(nlp.OpDescribe, secrets, "db"))), "password", "redacted len=21")
	list := p.step(nlp.OpGet, secrets)
	list.Args.Output = "yaml"
	check("list -o yaml", p.read(list))
	label := p.step(nlp.OpLabel, secrets, "db")
	label.Args.Set = map[string]string{"x": "y"}
	check("the preview of a label", p.preview(label))
	check("the preview of a deletion", p.preview(p.step(nlp.OpDelete, secrets, "db")))

	conf := p.step(nlp.OpGet, configMaps, "conf")
	conf.Args.Output = "yaml"
	contains(t, check("a config map", p.read(conf)), "blue")
	for _, op := range []nlp.Op{nlp.OpGet, nlp.OpDescribe} {
		s := p.step(op, deployments, "web")
		s.Args.Output = "yaml"
		contains(t, check("a deployment", p.read(s)), "DB_PASSWORD", "plain")
	}
}

func TestDescribeTellsContainersConditionsAndEvents(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.pod("crashing", crashing)
	p.apply(`{"apiVersion":"v1","kind":"Event","metadata":{"name":"e1"},"type":"Warning","reason":"BackOff","message":"Back-off restarting\u001b[31m failed container",
		"involvedObject":{"kind":"Pod","name":"crashing","namespace":"` + p.ns + `"},"count":4,"lastTimestamp":"2026-01-01T00:00:00Z","firstTimestamp":"2026-01-01T00:00:00Z"}`)
	parts := p.read(p.step(nlp.OpDescribe, pods, "crashing"))
	contains(t, said(t, parts), "Container main", "shop/crashing:1", "waiting, reason CrashLoopBackOff", "exitCode 137", "Ready", "Back-off restarting")

	events := p.step(nlp.OpEvents, pods, "crashing")
	events.Args.Type = "Warning"
	tab := table(t, p.read(events))
	if got := column(t, tab, "Count"); !slices.Contains(got, "4") {
		t.Errorf("events: %+v", tab)
	}
	if got := column(t, tab, "Object"); got[0] != "pod/crashing" {
		t.Errorf("objects %v", got)
	}
}

func TestWhatTheClusterSaysOfItself(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	contains(t, said(t, p.read(nlp.Step{Op: nlp.OpVersion})), "v1.")
	kinds := table(t, p.read(nlp.Step{Op: nlp.OpAPIResources}))
	if got := column(t, kinds, "Name"); !slices.Contains(got, "deployments") || !slices.Contains(got, "pods") {
		t.Errorf("kinds %v", got)
	}
	explain := nlp.Step{Op: nlp.OpExplain, Resource: deployments, Args: nlp.Args{Path: "deployments.spec.template.spec.containers"}}
	parts := p.read(explain)
	contains(t, said(t, parts[0]), "Deployment.spec.template.spec.containers", "[]Container")
	if got := column(t, table(t, parts), "Field"); !slices.Contains(got, "livenessProbe") {
		t.Errorf("fields %v", got)
	}
	explain = nlp.Step{Op: nlp.OpExplain, Args: nlp.Args{Path: "po.spec.nodeName"}}
	contains(t, said(t, p.read(explain)), "Pod.spec.nodeName", "string")
	explain.Args.Path = "po.spec.nonsense"
	if _, err := p.Execute(t.Context(), explain); !problem.Is(err, problem.NotFound) {
		t.Errorf("an unknown field: %v", err)
	}
	can := p.step(nlp.OpCanI, deployments)
	can.Args.Verb = "delete"
	contains(t, said(t, p.read(can)), "Yes: you may delete deployments.apps in "+p.ns)
	contains(t, said(t, p.read(nlp.Step{Op: nlp.OpCanI, Namespace: p.ns})), "What you may do in "+p.ns)
	contains(t, said(t, p.read(nlp.Step{Op: nlp.OpWhoAmI})), "system:masters")
	if _, err := p.Execute(t.Context(), p.step(nlp.OpTop, pods)); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "metrics-server") {
		t.Errorf("top without metrics: %v", err)
	}
}

func TestRolloutStatusOfAWorkloadThatCannotStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 2)
	eventually(t, "the controller to see it", func() bool {
		return p.kubectl("get", "deploy", "web", "-o", "jsonpath={.status.observedGeneration}") != ""
	})
	contains(t, said(t, p.read(p.step(nlp.OpRolloutStatus, deployments, "web"))), "deployment web", "of 2 replicas are updated, 0 ready")
}

func TestLogsOfAPodThatNeverRanSayThatThereAreNone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.pod("fine", fine)
	contains(t, said(t, p.read(p.step(nlp.OpLogs, pods, "fine"))), "no lines")
	if _, err := p.Execute(t.Context(), p.step(nlp.OpLogs, deployments, "none")); !problem.Is(err, problem.NotFound) {
		t.Errorf("logs of nothing: %v", err)
	}
}

func TestDiagnoseFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.pod("crashing", crashing)
	parts := p.read(p.step(nlp.OpDiagnose, pods, "crashing"))
	if _, ok := parts[0].(chat.Finding); !ok {
		t.Fatalf("no finding: %+v", parts)
	}
}
