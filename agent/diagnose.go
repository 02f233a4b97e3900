package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/kubechat/kubechat/agent/policy"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
)

// Verdict says how one step of a diagnosis went.
type Verdict string

// The verdicts.
const (
	Well    Verdict = "ok"
	Warned  Verdict = "warning" // it works, and should be looked at
	Failed  Verdict = "failed"
	Skipped Verdict = "skipped" // a step before it must work first
)

// Finding is one step of a diagnosis, in words for whoever installed the agent. It never holds a secret.
type Finding struct {
	Step    string  `json:"step"`
	Verdict Verdict `json:"verdict"`
	Says    string  `json:"says"`
	Do      string  `json:"do,omitempty"` // what to do about it
}

// Report is a whole diagnosis, in the order in which an agent gets connected.
type Report struct {
	Version  string    `json:"version"`
	OK       bool      `json:"ok"` // nothing failed
	Findings []Finding `json:"findings"`
}

// The steps of a diagnosis.
const (
	stepSettings  = "settings"
	stepDNS       = "DNS"
	stepProxy     = "proxy"
	stepTCP       = "TCP"
	stepTLS       = "TLS"
	stepIntercept = "interception"
	stepToken     = "join token"
	stepClock     = "clock"
	stepAPI       = "API server"
	stepRBAC      = "RBAC"
	stepPolicy    = "local policy"
	stepIdentity  = "identity"
)

// Diagnose tries, one by one, what the agent needs, and changes nothing: no token is used, no identity renewed, no session
// opened. It may run beside the agent itself.
func Diagnose(ctx context.Context, cfg Config) Report {
	d := &diagnosis{cfg: cfg, now: time.Now, at: map[string]Finding{}}
	if err := cfg.Validate(); err != nil {
		d.fail(stepSettings, "They are not complete: "+err.Error()+".", "Compare them with the chart's values, or with kubechat-agent -h.")
		return d.report()
	}
	d.api(ctx)
	d.identity(ctx)
	d.token(ctx)
	d.settings()
	d.network(ctx)
	d.tokenState(ctx)
	d.rbac(ctx)
	d.policy()
	return d.report()
}

// diagnosis is one under way. The steps are tried in the order in which they need each other, and told in the order in
// which an agent goes through them.
type diagnosis struct {
	cfg Config
	now func() time.Time
	at  map[string]Finding

	held     *pki.Identity  // stored and usable
	given    *pki.JoinToken // whole, whether or not it is used already
	apiFails bool
}

func (d *diagnosis) put(step string, v Verdict, says, do string) {
	d.at[step] = Finding{step, v, says, do}
}
func (d *diagnosis) well(step, format string, args ...any) {
	d.put(step, Well, fmt.Sprintf(format, args...), "")
}
func (d *diagnosis) fail(step, says, do string) { d.put(step, Failed, says, do) }
func (d *diagnosis) skip(says string, steps ...string) {
	for _, step := range steps {
		if _, known := d.at[step]; !known {
			d.put(step, Skipped, says, "")
		}
	}
}

func (d *diagnosis) report() Report {
	r := Report{Version: d.cfg.Version, OK: true, Findings: []Finding{}}
	for _, step := range []string{stepSettings, stepDNS, stepProxy, stepTCP, stepTLS, stepIntercept, stepToken, stepClock,
		stepAPI, stepRBAC, stepPolicy, stepIdentity} {
		f, known := d.at[step]
		if !known {
			continue
		}
		r.OK = r.OK && f.Verdict != Failed
		r.Findings = append(r.Findings, f)
	}
	return r
}

// settings say what the agent would do; that they can be read at all is decided before.
func (d *diagnosis) settings() {
	kept := "the Secret " + d.cfg.Namespace + "/" + d.cfg.IdentitySecret
	if d.cfg.StateDir != "" {
		kept = "the folder " + d.cfg.StateDir
	}
	gateway := d.gateway()
	if gateway == "" {
		gateway = "not known: neither identity nor join token names it"
	}
	d.well(stepSettings, "API server %s; identity in %s; gateway %s.", d.cfg.Server.URL.Host, kept, gateway)
}

// gateway is where the agent would dial.
func (d *diagnosis) gateway() string {
	switch {
	case d.held != nil:
		return d.held.Gateway
	case d.given != nil:
		return d.given.Gateway
	}
	return ""
}

const newToken = "Make a new join token on the cluster's page in KubeChat, and give it to the chart: helm upgrade --reuse-values --set join.token=kcj1_..."

// identity reads what is stored, without the lock that the running agent may have.
func (d *diagnosis) identity(ctx context.Context) {
	if d.apiFails && d.cfg.StateDir == "" {
		d.skip("The API server, which keeps it, can't be asked.", stepIdentity)
		return
	}
	data, err := d.stored(ctx)
	if err != nil {
		d.fail(stepIdentity, "It can't be read: "+err.Error()+".",
			"The chart makes the Secret and lets the agent read it: helm upgrade --reuse-values puts both back. Outside a cluster, look at the folder's owner.")
		return
	}
	id, err := pki.UnmarshalIdentity(data)
	switch {
	case errors.Is(err, pki.ErrNoIdentity):
		d.well(stepIdentity, "There is none yet; the join token gets it.")
	case err != nil:
		d.fail(stepIdentity, "What is stored is damaged: "+err.Error()+".", "Empty the Secret's data, or the folder. "+newToken)
	case !d.now().Before(id.Chain[0].NotAfter):
		d.fail(stepIdentity, "Its certificate ended at "+when(id.Chain[0].NotAfter)+": the agent was away for too long, or its clock is wrong.",
			"If the agent does not come back by itself: "+newToken)
		d.held = &id
	case d.now().Before(id.Chain[0].NotBefore):
		d.fail(stepIdentity, "Its certificate begins only at "+when(id.Chain[0].NotBefore)+": this node's clock is behind.", "Set the node's clock (NTP).")
		d.held = &id
	default:
		d.well(stepIdentity, "Cluster %s; its certificate ends at %s and is renewed before.", id.ID.Cluster, when(id.Chain[0].NotAfter))
		d.held = &id
	}
}

func (d *diagnosis) stored(ctx context.Context) (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if d.cfg.StateDir != "" {
		return (&dirStore{dir: d.cfg.StateDir}).Load(ctx)
	}
	return newSecretStore(d.cfg.Server, d.cfg.Namespace, d.cfg.IdentitySecret, "diagnose").Load(ctx)
}

// token looks at the join token's form; whether it is used or expired is the gateway's to say, once it is reached.
func (d *diagnosis) token(context.Context) {
	text, err := (&agent{cfg: d.cfg}).joinTokenText()
	usable := d.held != nil && d.at[stepIdentity].Verdict == Well
	switch {
	case err != nil:
		d.fail(stepToken, "It can't be read: "+err.Error()+".", "Look at join.existingSecret, or at the file.")
	case text == "" && usable:
		d.well(stepToken, "None, and none is needed: there is an identity.")
	case text == "":
		d.fail(stepToken, "There is none, and no usable identity.", newToken)
	default:
		d.parse(text, usable)
	}
}

func (d *diagnosis) parse(text string, usable bool) {
	token, err := pki.ParseJoinToken(text)
	switch {
	case err != nil && usable:
		d.well(stepToken, "It is damaged, which does not matter: there is an identity.")
	case err != nil:
		d.fail(stepToken, "It is damaged: "+strings.TrimPrefix(err.Error(), "join token: ")+".", "Copy it again, all of it: it starts with kcj1_. Or make a new one.")
	case usable:
		d.given = &token
		d.well(stepToken, "Not needed any more: there is an identity.")
	default:
		d.given = &token
		d.well(stepToken, "It is whole, for region %s. "+tokenUnasked, token.Region)
	}
}

const tokenUnasked = "Whether it was used or has expired shows when the agent joins."

// tokenState asks the gateway whether the token is still good; asking uses nothing up.
func (d *diagnosis) tokenState(ctx context.Context) {
	verdict := d.at[stepToken]
	if d.given == nil || verdict.Verdict != Well || !strings.Contains(verdict.Says, tokenUnasked) || d.at[stepTLS].Verdict == Failed || d.at[stepTLS].Verdict == Skipped {
		return
	}
	a := &agent{cfg: d.cfg}
	state, err := enroll.State(ctx, enroll.Config{Token: *d.given, Dial: a.path().Dial, Fallback: a.fallback(), Timeout: 20 * time.Second})
	refused, answered := errors.AsType[*pki.CallError](err)
	switch {
	case answered && refused.Code == "join_token_unknown":
		d.fail(stepToken, "The gateway does not know it: it was made elsewhere, or its cluster was removed.", newToken)
	case answered && refused.Status == http.StatusNotFound: // a gateway of before, which does not say
	case err != nil:
		d.put(stepToken, Warned, "It is whole, and the gateway could not be asked whether it is still good: "+err.Error()+".", "Try again in a moment.")
	case state == "unused":
		d.well(stepToken, "It is whole, for region %s, and has not been used.", d.given.Region)
	case state == "used":
		d.fail(stepToken, "It was used already, and works only once: by another install, or by this one before its identity was lost.", newToken)
	case state == "expired":
		d.fail(stepToken, "It has expired.", newToken)
	case state == "revoked":
		d.fail(stepToken, "It was revoked.", newToken)
	case state == "cluster_revoked":
		d.fail(stepToken, "It is for a cluster that was revoked.", "Add the cluster again in KubeChat, as a new one, and give its join token to the chart.")
	}
}

func (d *diagnosis) policy() {
	if _, err := policy.Open(d.cfg.PolicyFile, d.cfg.Log); err != nil {
		d.fail(stepPolicy, "It can't be used, and until then everything is refused: "+err.Error()+".",
			"Mend the ConfigMap kubechat-agent-policy, or the chart's policy values; the agent sees it within two minutes.")
		return
	}
	if d.cfg.PolicyFile == "" {
		d.well(stepPolicy, "None is given: the default holds.")
		return
	}
	d.well(stepPolicy, "It is understood.")
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
