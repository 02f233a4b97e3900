package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// ownTokenLife is how long a token lives that login makes for this machine.
const ownTokenLife = 90 * 24 * time.Hour

type session struct {
	Logins []struct {
		Tenant struct{ ID, Slug, Name string }
		Member struct{ ID, Name, Email string }
		Role   string
	}
}

func runLogin(ctx context.Context, e *env, args []string) error {
	f := e.flags("login")
	server := f.String("server", e.getenv("KUBECHAT_SERVER"), "the service's `URL`")
	token := f.String("token", "", "an API token; - or nothing reads it from standard input or KUBECHAT_TOKEN")
	if _, err := parse(f, args); err != nil {
		return err
	}
	origin, err := cleanServer(*server)
	if err != nil {
		return err
	}
	secret, err := readToken(e, *token)
	if err != nil {
		return err
	}
	l, s, err := enter(ctx, origin, secret)
	if err != nil {
		return err
	}
	set, err := loadSettings(e.getenv)
	if err != nil {
		return err
	}
	set.put(l)
	if err := set.save(); err != nil {
		return err
	}
	who := s.Logins[0]
	_, err = fmt.Fprintf(e.out, "Signed in to %s as %s (%s).\n", printable(who.Tenant.Name), printable(who.Member.Email), who.Role)
	return err
}

func readToken(e *env, given string) (string, error) {
	if given != "" && given != "-" {
		return given, nil
	}
	if t := e.getenv("KUBECHAT_TOKEN"); t != "" && given == "" {
		return t, nil
	}
	if f, ok := e.in.(*os.File); ok && e.tty && given == "" {
		fmt.Fprint(e.err, "API token: ")
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(e.err)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the token: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", usagef("no token: give --token, KUBECHAT_TOKEN or standard input")
	}
	return line, nil
}

// enter checks the token. One for a single use is exchanged for a token of this machine's own.
func enter(ctx context.Context, origin, secret string) (signedIn, session, error) {
	l := signedIn{Server: origin, Token: secret}
	var s session
	err := newClient(&l).call(ctx, http.MethodGet, "/session", nil, &s)
	if hasCode(err, "token_single_use") {
		return exchange(ctx, origin, secret)
	}
	if err != nil {
		return l, s, err
	}
	if len(s.Logins) == 0 {
		return l, s, errors.New("this token belongs to no organisation")
	}
	l.Tenant = s.Logins[0].Tenant.Slug
	return l, s, nil
}

func exchange(ctx context.Context, origin, secret string) (signedIn, session, error) {
	var s session
	l := signedIn{Server: origin}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return l, s, fmt.Errorf("make cookie jar: %w", err)
	}
	c := newClient(&l)
	c.http.Jar = jar
	if err := c.call(ctx, http.MethodPost, "/session", map[string]string{"token": secret}, &s); err != nil {
		return l, s, err
	}
	if len(s.Logins) == 0 {
		return l, s, errors.New("this token belongs to no organisation")
	}
	c.tenant = s.Logins[0].Tenant.Slug
	host, _ := os.Hostname()
	ask := map[string]any{"name": "kubechat on " + host, "expiresAt": time.Now().Add(ownTokenLife).UTC()}
	var made struct{ ID, Token, ExpiresAt string }
	if err := c.call(ctx, http.MethodPost, c.in("/tokens"), ask, &made); err != nil {
		return l, s, err
	}
	l.Tenant, l.Token, l.TokenID, l.ExpiresAt = c.tenant, made.Token, made.ID, made.ExpiresAt
	return l, s, c.call(ctx, http.MethodDelete, c.in("/session"), nil, nil)
}

func runLogout(ctx context.Context, e *env, args []string) error {
	f := e.flags("logout")
	server := f.String("server", "", "the service's `URL`")
	tenant := f.String("tenant", "", "the organisation's `slug`")
	if _, err := parse(f, args); err != nil {
		return err
	}
	set, err := loadSettings(e.getenv)
	if err != nil {
		return err
	}
	l, err := set.find(*server, *tenant)
	if err != nil {
		return err
	}
	was := *l
	if was.TokenID != "" {
		c := newClient(&was)
		if err := c.call(ctx, http.MethodDelete, c.in("/tokens/%s", was.TokenID), nil, nil); err != nil {
			fmt.Fprintln(e.err, "kubechat: the token was forgotten here, but not revoked:", printable(err.Error()))
		}
	}
	set.remove(was.Server, was.Tenant)
	return set.save()
}
