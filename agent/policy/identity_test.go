package policy_test

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/agent/policy"
)

func TestOnlyListedIdentitiesAreActedFor(t *testing.T) {
	t.Parallel()
	operators := policy.Identities{Groups: []string{"kubechat:viewer", "kubechat:operator"}}
	users := policy.Identities{Mode: policy.ModeUsers}
	extra := func(k string, v ...string) map[string][]string { return map[string][]string{k: v} }
	long := strings.Repeat("a", 2000)
	for _, c := range []struct {
		name   string
		rules  policy.Identities
		user   string
		uid    string
		groups []string
		extra  map[string][]string
		ok     bool
	}{
		{"a viewer by default", policy.Identities{}, "kubechat:user", "", []string{"kubechat:viewer"}, nil, true},
		{"the index by default", policy.Identities{}, "kubechat:user", "", []string{"kubechat:index"}, nil, true},
		{"no operator by default", policy.Identities{}, "kubechat:user", "", []string{"kubechat:operator"}, nil, false},
		{"an operator where allowed", operators, "kubechat:user", "", []string{"kubechat:operator"}, extra("kubechat.io/user", "ann@example.com"), true},
		{"no admin", operators, "kubechat:user", "", []string{"kubechat:operator", "kubechat:admin"}, nil, false},
		{"no group", operators, "kubechat:user", "", nil, nil, false},
		{"another user", operators, "admin", "", []string{"kubechat:viewer"}, nil, false},
		{"no user", operators, "", "", []string{"kubechat:viewer"}, nil, false},
		{"a service account", operators, "system:serviceaccount:kube-system:x", "", []string{"kubechat:viewer"}, nil, false},
		{"system:masters", policy.Identities{Groups: []string{"system:masters"}}, "kubechat:user", "", []string{"system:masters"}, nil, false},
		{"SYSTEM:masters", policy.Identities{Groups: []string{"SYSTEM:masters"}}, "kubechat:user", "", []string{"SYSTEM:masters"}, nil, false},
		{"a uid", operators, "kubechat:user", "0", []string{"kubechat:viewer"}, nil, false},
		{"an unknown extra", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("scopes", "all"), false},
		{"an extra with a line end", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("kubechat.io/user", "a\r\nImpersonate-Group: system:masters"), false},
		{"an extra with NUL", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("kubechat.io/user", "a\x00"), false},
		{"an extra that turns the text around", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("kubechat.io/user", "a\u202e"), false},
		{"an extra of two values", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("kubechat.io/user", "a", "b"), false},
		{"an endless extra", operators, "kubechat:user", "", []string{"kubechat:viewer"}, extra("kubechat.io/user", long), false},
		{"too many groups", operators, "kubechat:user", "", strings.Split(strings.Repeat("kubechat:viewer ", 20), " "), nil, false},
		{"a person in users mode", users, "kubechat:ann@example.com", "", nil, nil, true},
		{"a person in groups mode", operators, "kubechat:ann@example.com", "", []string{"kubechat:viewer"}, nil, false},
		{"the shared user in users mode", users, "kubechat:user", "", nil, nil, false},
		{"a stranger in users mode", users, "ann@example.com", "", nil, nil, false},
		{"a line end in users mode", users, "kubechat:ann\r\nx", "", nil, nil, false},
	} {
		if err := c.rules.Check(c.user, c.uid, c.groups, c.extra); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
