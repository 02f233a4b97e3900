package slackapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// hooksHost is the one host that answers are sent to. Slack gives the whole address with each request, and says that it
// is there; what is elsewhere is no address of Slack's.
const hooksHost = "hooks.slack.com"

const (
	deliverTime  = 10 * time.Second
	deliverTries = 2
	betweenTries = time.Second
	maxMessage   = 200 << 10 // what a card can come to, when each of its characters has to be escaped
)

// deliverer sends messages to the addresses that come with requests.
type deliverer struct {
	host   string // hooksHost, but in tests
	client *http.Client
	pause  time.Duration
}

func newDeliverer() deliverer {
	return deliverer{hooksHost, &http.Client{
		Timeout:       deliverTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: deliverTime / 2}).DialContext, TLSHandshakeTimeout: deliverTime / 2,
			ResponseHeaderTimeout: deliverTime, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: true,
		},
	}, betweenTries}
}

var errAddress = errors.New("the address for the answer is not one of Slack's")

// check judges an address: https, Slack's host, nothing else in its authority.
func (d deliverer) check(address string) error {
	u, err := url.Parse(address)
	if err != nil || len(address) > 500 || u.Scheme != "https" || u.Host != d.host || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return errAddress
	}
	return nil
}

// send posts a message, once more when Slack had trouble. The address is a secret: whoever has it can post there.
func (d deliverer) send(ctx context.Context, address string, m message) error {
	if err := d.check(address); err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	if len(body) > maxMessage {
		return fmt.Errorf("a message of %d bytes is too large to send", len(body))
	}
	for try := 1; ; try++ {
		again, err := d.post(ctx, address, body)
		if err == nil || !again || try == deliverTries {
			return err
		}
		wait := time.NewTimer(d.pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

func (d deliverer) post(ctx context.Context, address string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false, errAddress
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return true, fmt.Errorf("send to Slack: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection can be used again
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode >= 500, fmt.Errorf("send to Slack: it answered %d", resp.StatusCode)
	}
	return false, nil
}
