package tenant

// Role is what a member may do in the tenant. No role implies a group in any cluster.
type Role string

// The roles, from most to least.
const (
	Admin  Role = "tenant_admin"
	User   Role = "tenant_user"
	Viewer Role = "tenant_viewer"
)

// Roles lists every role, from most to least.
var Roles = []Role{Admin, User, Viewer}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == Admin || r == User || r == Viewer }

// Action is something a role may or may not do. Only the constants below exist.
type Action string

// Every action of the product that a role decides.
const (
	ReadTenant     Action = "tenant.read"
	ReadClusters   Action = "clusters.read"
	ManageClusters Action = "clusters.manage" // add, revoke, join tokens
	ReadFleet      Action = "fleet.read"      // every cluster's sessions, versions and certificates at once
	ManageGroups   Action = "groups.manage"   // a member's group in a cluster
	ReadMembers    Action = "members.read"
	ManageMembers  Action = "members.manage"
	Ask            Action = "chat.ask"       // conversations and runs that read
	RunChanges     Action = "commands.run"   // anything that is not a read, in chat or by kubectl
	ReadOwnAudit   Action = "audit.read_own" // one's own records
	ReadAudit      Action = "audit.read"     // everybody's records
	ReadUsage      Action = "usage.read"
	ManageTokens   Action = "tokens.manage" // one's own API tokens
	ManageModel    Action = "model.manage"  // which model answers, its key and its budget
	ManageSlack    Action = "slack.manage"  // the Slack workspace, and whose Slack user is linked
)

// Actions lists every action, in the order of their declaration.
var Actions = []Action{
	ReadTenant, ReadClusters, ManageClusters, ReadFleet, ManageGroups, ReadMembers, ManageMembers, Ask, RunChanges,
	ReadOwnAudit, ReadAudit, ReadUsage, ManageTokens, ManageModel, ManageSlack,
}

// allowed is the whole of it: what is not written here is denied.
var allowed = map[Role]map[Action]bool{
	Viewer: {ReadTenant: true, ReadClusters: true, Ask: true, ReadOwnAudit: true, ManageTokens: true},
	User: {
		ReadTenant: true, ReadClusters: true, ReadMembers: true, Ask: true, RunChanges: true, ReadOwnAudit: true,
		ReadUsage: true, ManageTokens: true,
	},
	Admin: {
		ReadTenant: true, ReadClusters: true, ManageClusters: true, ReadFleet: true, ManageGroups: true, ReadMembers: true,
		ManageMembers: true, Ask: true, RunChanges: true, ReadOwnAudit: true, ReadAudit: true, ReadUsage: true,
		ManageTokens: true, ManageModel: true, ManageSlack: true,
	},
}

// Can reports whether the scope's role may do a. An unknown role or action may not.
func (s Scope) Can(a Action) bool { return allowed[s.Role][a] }

// Allowed lists what the scope's role may do, for pages that show or hide a control.
func (s Scope) Allowed() []Action {
	var out []Action
	for _, a := range Actions {
		if s.Can(a) {
			out = append(out, a)
		}
	}
	return out
}
