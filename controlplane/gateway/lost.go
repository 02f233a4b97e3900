package gateway

import (
	"errors"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// answerLost is what whoever asked is told when the agent had taken the request and the tunnel ended before the answer
// came: which layer it was, and that nobody knows what became of a change.
func answerLost(err, cause error) error {
	return problem.New(problem.Unavailable, "The tunnel to the cluster was lost before the answer came. "+reasonText(cause)).
		WithCode("answer_lost").WithFix("If it was to change something, look whether it has before you send it again.").
		WithCause(errors.Join(err, cause))
}
