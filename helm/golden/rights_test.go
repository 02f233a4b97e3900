package golden_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/agent/policy"
)

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

func TestPresetsHoldNoWayToMoreRightsAndNoSecrets(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		for _, o := range objects(t, template(t, args...)) {
			if o.kind() != "ClusterRole" && o.kind() != "Role" {
				continue
			}
			agents := o.name() == "kubechat-agent" || o.name() == "ops" // the agent's own, which impersonates by name
			rules, _ := o["rules"].([]any)
			if len(rules) == 0 {
				t.Errorf("%s: %s %s has no rules", name, o.kind(), o.name())
			}
			for _, rule := range rules {
				verbs, resources, names := texts(dig(rule, "verbs")), texts(dig(rule, "resources")), texts(dig(rule, "resourceNames"))
				for _, verb := range []string{"escalate", "bind", "*"} {
					if slices.Contains(verbs, verb) {
						t.Errorf("%s: %s may %s", name, o.name(), verb)
					}
				}
				if slices.Contains(verbs, "impersonate") {
					extras := strings.HasPrefix(resources[0], "userextras/kubechat.io/")
					if !agents || !extras && len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, "kubechat:") }) {
						t.Errorf("%s: %s may impersonate %v %v", name, o.name(), resources, names)
					}
				}
				everything := slices.Contains(resources, "*")
				if everything != strings.HasSuffix(o.name(), "-admin") || slices.Contains(resources, "secrets") && !agents {
					t.Errorf("%s: %s may reach %v", name, o.name(), resources)
				}
				if slices.Contains(resources, "secrets") && (len(names) != 1 || !strings.HasSuffix(names[0], "-identity")) {
					t.Errorf("%s: %s may reach Secrets %v", name, o.name(), names)
				}
			}
		}
	}
}

func TestPresetDecidesWhichGroupsMayBeImpersonated(t *testing.T) {
	t.Parallel()
	for preset, want := range map[string][]string{
		"viewer":   {"kubechat:viewer", "kubechat:index"},
		"operator": {"kubechat:viewer", "kubechat:operator", "kubechat:index"},
		"admin":    {"kubechat:viewer", "kubechat:operator", "kubechat:admin", "kubechat:index"},
	} {
		var inRBAC, inPolicy, bound []string
		for _, o := range objects(t, template(t, "--set", "access.preset="+preset)) {
			switch {
			case o.kind() == "ClusterRole" && o.name() == "kubechat-agent":
				inRBAC = texts(dig(o, "rules", 1, "resourceNames"))
			case o.kind() == "ConfigMap":
				p, err := policy.Parse([]byte(dig(o, "data", "policy.yaml").(string)))
				if err != nil {
					t.Fatal(err)
				}
				inPolicy = p.Identities.Groups
			case o.kind() == "ClusterRoleBinding" && dig(o, "subjects", 0, "kind") == "Group":
				group := dig(o, "subjects", 0, "name").(string)
				if dig(o, "roleRef", "name") != "view" {
					bound = append(bound, group)
				}
			}
		}
		slices.Sort(bound)
		sorted := slices.Sorted(slices.Values(want))
		if !slices.Equal(inRBAC, want) || !slices.Equal(inPolicy, want) || !slices.Equal(bound, sorted) {
			t.Errorf("%s: RBAC %v, policy %v, bound %v", preset, inRBAC, inPolicy, bound)
		}
	}
}

func TestPolicyOfEveryRenderIsOneTheAgentUnderstands(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		for _, o := range objects(t, template(t, args...)) {
			if o.kind() != "ConfigMap" {
				continue
			}
			if _, err := policy.Parse([]byte(dig(o, "data", "policy.yaml").(string))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestPodsAreAsRestrictedAsTheyCanBe(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		pods := 0
		for _, o := range objects(t, template(t, args...)) {
			pod := dig(o, "spec")
			if o.kind() == "Deployment" {
				pod = dig(o, "spec", "template", "spec")
			} else if o.kind() != "Pod" {
				continue
			}
			pods++
			container := dig(pod, "containers", 0)
			for what, ok := range map[string]bool{
				"runs as root":                    dig(pod, "securityContext", "runAsNonRoot") == true,
				"has no seccomp profile":          dig(pod, "securityContext", "seccompProfile", "type") == "RuntimeDefault",
				"may gain privileges":             dig(container, "securityContext", "allowPrivilegeEscalation") == false,
				"has a writable root":             dig(container, "securityContext", "readOnlyRootFilesystem") == true,
				"keeps capabilities":              slices.Equal(texts(dig(container, "securityContext", "capabilities", "drop")), []string{"ALL"}),
				"has no memory limit":             dig(container, "resources", "limits", "memory") != nil,
				"has a CPU limit":                 dig(container, "resources", "limits", "cpu") == nil,
				"shares the host's network":       dig(pod, "hostNetwork") == nil && dig(pod, "hostPID") == nil,
				"has a second container":          dig(pod, "containers", 1) == nil,
				"mounts something of the machine": !strings.Contains(fmt.Sprint(dig(pod, "volumes")), "hostPath"),
			} {
				if !ok {
					t.Errorf("%s: %s %s %s", name, o.kind(), o.name(), what)
				}
			}
		}
		if pods != 2 {
			t.Errorf("%s: %d pods: the agent's and the test's", name, pods)
		}
	}
}

func TestIdentitySecretIsMadeEmptyAndKept(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		found := false
		for _, o := range objects(t, template(t, args...)) {
			if o.kind() != "Secret" || !strings.HasSuffix(o.name(), "-identity") {
				continue
			}
			found = true
			if o["data"] != nil || o["stringData"] != nil || dig(o, "metadata", "annotations", "helm.sh/resource-policy") != "keep" {
				t.Errorf("%s: %v", name, o)
			}
		}
		if !found {
			t.Errorf("%s: no identity Secret", name)
		}
	}
}

func TestTokenIsNowhereButInItsSecret(t *testing.T) {
	t.Parallel()
	for _, o := range objects(t, template(t, "--set", "join.token=kcj1_canary")) {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "kcj1_canary") != (o.kind() == "Secret" && o.name() == "kubechat-agent-join") {
			t.Errorf("%s %s: %s", o.kind(), o.name(), text)
		}
	}
	if strings.Contains(template(t, "--set", "join.token=kcj1_canary", "--set", "join.existingSecret=mine"), "kcj1_canary") {
		t.Error("with join.existingSecret the token is templated all the same")
	}
}

func TestEveryRoleAndBindingHasTheGuardedName(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		prefix := "kubechat-agent"
		if name == "another-name" {
			prefix = "ops"
		}
		render := template(t, args...)
		if !strings.Contains(render, "--own-name-prefix="+prefix) {
			t.Errorf("%s: the agent is not told to guard %s", name, prefix)
		}
		for _, o := range objects(t, render) {
			if strings.Contains(o.kind(), "Role") && o.name() != prefix && !strings.HasPrefix(o.name(), prefix+"-") {
				t.Errorf("%s: %s %s is not guarded", name, o.kind(), o.name())
			}
		}
	}
}
