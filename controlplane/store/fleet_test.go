package store_test

// The reviewed exceptions of the fleet's tables and functions; the rules are in catalog_test.go and crosstenant_test.go.
func init() {
	for _, column := range []string{"slug", "region", "created_at", "joined_at", "connected_at", "complete_at", "last_seen_at", "revoked_at",
		"locked_at", "refused_at", "agent_version", "agent_version_before", "agent_version_at", "kubernetes_version", "sessions_wanted",
		"certificate_until", "live", "lapsed", "holders", "versions", "newest_at", "intercepted_at", "heard_at", "lapsed_heard_at",
		"round_trip_us", "transports", "replicas", "asked_at", "problem_at"} {
		lookupResults["fleet_facts."+column] = "for the provider's operators: times, numbers and versions, and a slug, which is in every URL"
	}
	crossing["Clusters.Region"] = "the provider's; without names and texts"
}
