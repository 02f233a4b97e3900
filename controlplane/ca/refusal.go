package ca

import (
	"errors"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
)

const (
	joinAgain = "Make a new join token for the cluster, and install the agent with it."
	lookAgain = "Look at the clocks of the cluster's nodes, and at the agent's service account token."
)

// Refusal puts an authority's refusal into words for whoever runs the agent. What is a problem already stays as it is.
func Refusal(err error) error {
	switch {
	case errors.Is(err, pki.ErrRequest):
		return problem.New(problem.Invalid, "The certificate request is not acceptable.").WithCause(err)
	case errors.Is(err, pki.ErrRevoked):
		return problem.New(problem.Forbidden, "This cluster was revoked.").WithCode("cluster_revoked").
			WithFix("Add it again as a new cluster.").WithCause(err)
	case errors.Is(err, pki.ErrLocked):
		return problem.New(problem.Forbidden, "Two parties hold this cluster's identity, so neither may go on.").
			WithCode("identity_locked").WithFix(joinAgain).WithCause(err)
	case errors.Is(err, pki.ErrTooLate):
		return problem.New(problem.Expired, "This identity expired more than 14 days ago.").WithCode("identity_expired").
			WithFix(joinAgain).WithCause(err)
	case errors.Is(err, pki.ErrSuperseded):
		return problem.New(problem.Forbidden, "This certificate was replaced by a newer one.").WithCode("identity_superseded").
			WithFix("Use the newest identity; if it is lost, make a new join token for the cluster.").WithCause(err)
	case errors.Is(err, pki.ErrProof):
		return notProven(problem.Forbidden, err)
	case errors.Is(err, pki.ErrIdentity), errors.Is(err, pki.ErrForged), errors.Is(err, pki.ErrDistrusted):
		return problem.New(problem.Unauthenticated, "The certificate held is not valid here.").WithCode("identity_void").
			WithFix(joinAgain).WithCause(err)
	}
	var p *problem.Error
	if errors.As(err, &p) {
		return err
	}
	return problem.New(problem.Unavailable, "Certificates can't be issued just now.").WithRetryAfter(10 * time.Second).WithCause(err)
}

func notProven(kind problem.Kind, err error) error {
	return problem.New(kind, "The agent did not prove which cluster it runs in.").WithCode("own_cluster").
		WithFix(lookAgain).WithCause(err)
}
