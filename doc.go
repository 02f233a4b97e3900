// Package kubechat is a hosted, multi-tenant service through which teams run their Kubernetes clusters in plain words.
// The programs are agent/cmd/kubechat-agent, controlplane/cmd/kubechatd and controlplane/cmd/kubechat; how they hang
// together is in docs/architecture.md. This package itself holds only the tests of the repository's own rules.
package kubechat
