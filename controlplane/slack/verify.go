package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// Window is how old, or how far ahead, a request's timestamp may be.
const Window = 5 * time.Minute

// Signed is a request as it came, and the workspace that it says it is from.
type Signed struct {
	Team      TeamID // from the body: believed only after its workspace's secret was found to have signed that body
	Timestamp string // X-Slack-Request-Timestamp
	Signature string // X-Slack-Signature
	Body      []byte
}

// errUnsigned is one for all reasons: a stranger learns neither which workspaces there are nor what was wrong.
var errUnsigned = problem.New(problem.Unauthenticated, "The request is not signed by a connected Slack workspace.").WithCode("slack_signature")

// Verify says whose workspace signed the request. Each signature is accepted once, on whichever replica.
func (s *Service) Verify(ctx context.Context, r Signed) (Workspace, error) {
	now := s.now()
	at, err := strconv.ParseInt(r.Timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > Window || !r.Team.Valid() || !strings.HasPrefix(r.Signature, "v0=") {
		return Workspace{}, errUnsigned
	}
	got, err := s.store.WorkspaceOf(ctx, r.Team)
	switch {
	case problem.Is(err, problem.NotFound):
		return Workspace{}, errUnsigned
	case err != nil:
		return Workspace{}, err
	case s.sealer == nil:
		return Workspace{}, errors.New("slack: a sealed secret and no key to open it with")
	}
	secret, err := s.sealer.Open(got.Tenant, got.Sealed)
	if err != nil {
		return Workspace{}, fmt.Errorf("open the signing secret of %s: %w", got.Tenant, err)
	}
	if !hmac.Equal([]byte(signature(secret, r.Timestamp, r.Body)), []byte(r.Signature)) {
		return Workspace{}, errUnsigned
	}
	seen := sha256.Sum256([]byte(r.Signature))
	first, err := s.store.FirstSeen(ctx, got.Tenant, seen[:], now)
	if err != nil {
		return Workspace{}, err
	}
	if !first {
		return Workspace{}, errUnsigned
	}
	return got.Workspace, nil
}

// signature is Slack's scheme, version 0.
func signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":")) // of a hash.Hash it never fails
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
