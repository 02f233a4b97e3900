// Package slacktest signs requests as Slack does, for tests. It is written apart from what verifies them.
package slacktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// Sign gives the value of X-Slack-Signature.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", timestamp, body)
	return fmt.Sprintf("v0=%x", mac.Sum(nil))
}
