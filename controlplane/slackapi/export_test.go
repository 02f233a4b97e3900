package slackapi

import "net/http"

// DeliverTo sends answers to a test's server instead of Slack's. It exists in this package's tests only.
func (a *API) DeliverTo(host string, client *http.Client) {
	redirects := a.deliverer.client.CheckRedirect
	client.CheckRedirect = redirects
	a.deliverer.host, a.deliverer.client, a.deliverer.pause = host, client, 0
}

// CheckAddress judges where an answer may go, as in production.
func CheckAddress(address string) error { return newDeliverer().check(address) }
