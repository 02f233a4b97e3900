package kubechat_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// mod is the path that our imports start with.
const mod = "github.com/kubechat/kubechat/"

// mayImport says who may import whom, of ours. A package stands under its longest matching prefix; an entry that
// ends in "/..." allows what is below it. What is not here may import nothing of ours.
var mayImport = map[string]struct {
	allowed []string
	reason  string
}{
	"tunnel":                {nil, "carries bytes and knows nobody"},
	"tunnel/tlsmux":         {[]string{"tunnel"}, "a transport below tunnel.Session"},
	"tunnel/wsmux":          {nil, "a net.Conn of a WebSocket; what goes through it is not its business"},
	"tunnel/quicmux":        {[]string{"tunnel"}, "a transport below tunnel.Session"},
	"tunnel/dialer":         {[]string{"tunnel", "tunnel/tlsmux", "tunnel/wsmux", "tunnel/quicmux", "internal/sock"}, "keeps sessions up over whichever transport gets through"},
	"tunnel/tunneltest":     {[]string{"tunnel", "tunnel/..."}, "tests what it is about"},
	"pki":                   {nil, "names and lifetimes, for both ends"},
	"pki/authority":         {[]string{"pki"}, "the only importer of smallstep/certificates"},
	"pki/enroll":            {[]string{"pki"}, "the agent links it, so it stays small"},
	"pki/renew":             {[]string{"pki"}, "the agent links it, so it stays small"},
	"pki/kms":               {[]string{"pki"}, "keys outside of this machine's files; kubechatd links it"},
	"pki/pkitest":           {[]string{"pki", "pki/..."}, "a throwaway authority"},
	"agent":                 {[]string{"agent/...", "tunnel", "tunnel/...", "pki", "pki/enroll", "pki/renew", "internal/version", "internal/sock"}, "the only place that knows identity, tunnel and cluster; never controlplane or pki/authority"},
	"agent/cmd":             {[]string{"agent", "tunnel/dialer", "internal/version"}, "a page, and the names of the transports"},
	"agent/kubereq":         {nil, "a leaf, shared by agent and plane"},
	"agent/kubeproxy":       {[]string{"tunnel", "agent/kubereq", "agent/policy", "agent/redact", "internal/forward"}, "the handler; it trusts none of the above"},
	"agent/policy":          {[]string{"agent/kubereq", "tunnel"}, "what this cluster's owner allows"},
	"agent/redact":          {nil, "a leaf"},
	"controlplane/tenant":   {nil, "who asks"},
	"controlplane/problem":  {nil, "the one error the outside sees"},
	"controlplane/cluster":  {[]string{"controlplane/tenant", "controlplane/problem"}, "domain; the others may name a cluster"},
	"controlplane/account":  {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster"}, "domain"},
	"controlplane/assist":   {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/nlp", "controlplane/diagnose", "controlplane/model", "controlplane/redact"}, "domain: one turn with a model, of whose provider it knows nothing"},
	"controlplane/model":    {[]string{"controlplane/redact"}, "what is asked of a model and what comes back, and a folder per provider; it knows no tenant"},
	"controlplane/redact":   {nil, "a leaf: what must not be seen, whoever reads"},
	"controlplane/slack":    {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster"}, "domain: whose Slack workspace, and which Slack user is which member"},
	"controlplane/login":    {[]string{"controlplane/tenant", "controlplane/problem"}, "domain"},
	"controlplane/audit":    {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster"}, "domain"},
	"controlplane/billing":  {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster"}, "domain"},
	"controlplane/access":   {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster"}, "domain: the one Decide"},
	"controlplane/ca":       {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/cluster", "pki"}, "domain: who gets a certificate"},
	"controlplane/nlp":      {[]string{"controlplane/tenant", "controlplane/problem"}, "domain, with no network"},
	"controlplane/diagnose": {[]string{"controlplane/tenant", "controlplane/problem"}, "domain, with no model"},
	"controlplane/chat": {[]string{"controlplane/tenant", "controlplane/problem", "controlplane/nlp", "controlplane/diagnose",
		"controlplane/cluster", "controlplane/audit", "controlplane/billing", "controlplane/access", "internal/slots"}, "the domain that brings the others together"},
	"controlplane/telemetry":     {[]string{"controlplane/tenant", "controlplane/problem"}, "adapter"},
	"controlplane/store":         {adapter("controlplane/store/..."), "adapter: the only importer of pgxpool"},
	"controlplane/httpapi":       {adapter(), "adapter"},
	"controlplane/signin":        {adapter(), "adapter: the door"},
	"controlplane/slackapi":      {adapter(), "adapter: commands and buttons in Slack"},
	"controlplane/gateway":       {adapter(), "adapter: tunnels and the kubectl path"},
	"controlplane/caapi":         {adapter(), "adapter: the way to an authority that runs apart"},
	"controlplane/kube":          {adapter(), "adapter: client-go over a cluster's transport"},
	"controlplane/cmd/kubechatd": {[]string{"controlplane", "controlplane/...", "web", "internal/version"}, "a page, and the demo behind its tag"},
	"controlplane/cmd/kubechat":  {[]string{"controlplane/nlp", "controlplane/diagnose", "controlplane/kube", "controlplane/chat", "internal/..."}, "a client: of the server only what translates and runs without one"},
	"controlplane":               {[]string{"controlplane/...", "tunnel", "tunnel/...", "pki", "pki/...", "agent/kubereq", "internal/version", "internal/sock", "internal/forward", "web"}, "the one wiring file; of agent/ only kubereq"},
	"web":                        {nil, "the embedded pages"},
	"internal":                   {[]string{"internal/..."}, "small shared leaves"},
	"tools":                      {[]string{"internal/..."}, "build-time programs"},
	"helm":                       {[]string{"e2e/...", "internal/..."}, "tests of the charts"},
	"e2e":                        {[]string{"..."}, "tests whatever it tests"},
}

// adapter is what every adapter may import: the shared words, the domains, and what both ends share; never another.
func adapter(more ...string) []string {
	return append([]string{
		"controlplane/tenant", "controlplane/problem", "controlplane/telemetry", "controlplane/cluster", "controlplane/account",
		"controlplane/login", "controlplane/audit", "controlplane/billing", "controlplane/access", "controlplane/nlp",
		"controlplane/diagnose", "controlplane/chat", "controlplane/ca", "controlplane/redact", "controlplane/assist", "controlplane/assist/...", "controlplane/slack", "tunnel", "tunnel/...", "pki", "pki/...", "agent/kubereq", "internal/...",
	}, more...)
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-buildvcs=false", "-tags", "demo", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, mod)
		if !ours {
			continue
		}
		prefix := longestPrefix(name)
		rule, ok := mayImport[prefix]
		if !ok {
			t.Errorf("package %s has no row in mayImport: give it one, with a reason", name)
			continue
		}
		for _, imported := range p.Imports {
			if target, ours := strings.CutPrefix(imported, mod); ours && !sameFamily(prefix, target) && !matches(rule.allowed, target) {
				t.Errorf("%s imports %s, which %s may not (%s)", name, target, prefix, rule.reason)
			}
		}
	}
}

func TestOnlyTheAuthorityImportsSmallstepAndOnlyTheStoreThePool(t *testing.T) {
	t.Parallel()
	only := map[string]string{
		"github.com/smallstep/certificates": "pki/authority",
		"github.com/jackc/pgx/v5/pgxpool":   "controlplane/store",
		"github.com/hashicorp/yamux":        "tunnel",
		"k8s.io/client-go":                  "controlplane/kube",
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, mod)
		if strings.HasPrefix(name, "e2e") || name == "controlplane/cmd/kubechat" {
			continue // tests, and the command line's kubeconfig handling
		}
		for _, imported := range p.Imports {
			for module, owner := range only {
				if strings.HasPrefix(imported, module) && !strings.HasPrefix(name, owner) {
					t.Errorf("%s imports %s, which only %s may", name, imported, owner)
				}
			}
		}
	}
}

func longestPrefix(name string) string {
	best := ""
	for prefix := range mayImport {
		if (name == prefix || strings.HasPrefix(name, prefix+"/")) && len(prefix) > len(best) {
			best = prefix
		}
	}
	return best
}

// sameFamily: a package and what is below the same row are one part.
func sameFamily(prefix, target string) bool {
	return longestPrefix(target) == prefix && prefix != "controlplane"
}

func matches(allowed []string, target string) bool {
	for _, a := range allowed {
		base, below := strings.CutSuffix(a, "...")
		if a == target || below && strings.HasPrefix(target+"/", base) {
			return true
		}
	}
	return false
}
