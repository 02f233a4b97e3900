package settings_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func vault(t *testing.T, keys ...string) *settings.Vault {
	t.Helper()
	var text strings.Builder
	for _, k := range keys {
		text.WriteString(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(k, 32))) + "\n")
	}
	v, err := settings.ParseVault([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func ptr(s string) *string { return &s }

var errPrivate = errors.New("this address is not a public one")

func TestSettingsAreAnAdminsAndTheKeyIsWrittenOnly(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	acme, other := storetest.Tenant(t, d.DB, "acme"), storetest.Tenant(t, d.DB, "other")
	s := settings.New(settings.Config{Store: d.DB.Models(), Vault: vault(t, "a")})
	got, err := s.Get(t.Context(), acme)
	if err != nil || got.Provider != settings.None {
		t.Fatalf("before: %+v, %v", got, err)
	}
	in := settings.Change{Settings: settings.Settings{Provider: settings.Anthropic, Model: "claude-x", DayTokens: 5}, Key: ptr("sk-very-secret")}
	got, err = s.Put(t.Context(), acme, in)
	if err != nil || !got.HasKey || strings.Contains(fmt.Sprintf("%+v", got), "very-secret") {
		t.Fatalf("%+v, %v", got, err)
	}
	in.Key = nil // kept
	if _, err := s.Put(t.Context(), acme, in); err != nil {
		t.Fatal(err)
	}
	if _, key, ok, err := s.Open(t.Context(), acme); err != nil || !ok || key != "sk-very-secret" {
		t.Errorf("opened %q, %v, %v", key, ok, err)
	}
	if _, _, ok, err := s.Open(t.Context(), other); ok || err != nil {
		t.Errorf("another tenant's: %v, %v", ok, err)
	}
	for _, role := range []tenant.Role{tenant.User, tenant.Viewer} {
		who := storetest.Member(t, d.DB, acme, string(role)+"@acme.test", role)
		_, get := s.Get(t.Context(), who)
		_, put := s.Put(t.Context(), who, in)
		if !problem.Is(get, problem.Forbidden) || !problem.Is(put, problem.Forbidden) {
			t.Errorf("%s: %v, %v", role, get, put)
		}
	}
	in.BaseURL = "https://models.evil.example"
	if _, err := s.Put(t.Context(), acme, in); !problem.Is(err, problem.Invalid) {
		t.Errorf("the key goes to another server: %v", err)
	}
	if _, err := s.Put(t.Context(), acme, settings.Change{}); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := s.Open(t.Context(), acme); ok || err != nil {
		t.Errorf("removed: %v, %v", ok, err)
	}
}

func TestWhatMakesNoSenseIsRefusedInWords(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	acme := storetest.Tenant(t, d.DB, "acme")
	s := settings.New(settings.Config{Store: d.DB.Models(), Vault: vault(t, "a"), CheckURL: func(u string) error {
		if strings.Contains(u, "10.") {
			return errPrivate
		}
		return nil
	}})
	base := settings.Settings{Provider: settings.OpenAI, Model: "m"}
	for name, c := range map[string]struct {
		change func(*settings.Change)
		says   string
	}{
		"another provider":   {func(c *settings.Change) { c.Provider = "mine" }, "A provider is one of"},
		"no model":           {func(c *settings.Change) { c.Model = "" }, "A model's name"},
		"a private address":  {func(c *settings.Change) { c.BaseURL = "https://10.0.0.1" }, "This address is not a public one."},
		"ollama nowhere":     {func(c *settings.Change) { c.Provider = settings.Ollama }, "Ollama needs a base URL"},
		"no key":             {func(c *settings.Change) { c.Provider = settings.Anthropic }, "anthropic needs a key"},
		"aws without region": {func(c *settings.Change) { c.Provider, c.Key = settings.Bedrock, ptr("a:b") }, "AWS needs a region"},
		"aws by address": {func(c *settings.Change) {
			c.Provider, c.BaseURL, c.Region = settings.Bedrock, "https://x.example", "eu-west-1"
		}, "no base URL"},
		"another continent": {func(c *settings.Change) {
			c.Provider, c.Region, c.Model, c.Key = settings.Bedrock, "eu-central-1", "us.vendor.model", ptr("a:b")
		}, "leaves the region"},
		"anywhere at all": {func(c *settings.Change) {
			c.Provider, c.Region, c.Model, c.Key = settings.Bedrock, "eu-central-1", "global.vendor.model", ptr("a:b")
		}, "leaves the region"},
		"a region of none":     {func(c *settings.Change) { c.Region = "eu-central-1" }, "of AWS only"},
		"money without prices": {func(c *settings.Change) { c.DayMicros = 5 }, "prices of a million tokens"},
		"a negative budget":    {func(c *settings.Change) { c.DayTokens = -1 }, "not negative"},
		"a key of two lines":   {func(c *settings.Change) { c.Key = ptr("a\nb") }, "no white space"},
	} {
		in := settings.Change{Settings: base}
		c.change(&in)
		_, err := s.Put(t.Context(), acme, in)
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	keyless := settings.New(settings.Config{Store: d.DB.Models()})
	if _, err := keyless.Put(t.Context(), acme, settings.Change{Settings: base, Key: ptr("k")}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("without a service key: %v", err)
	}
	if _, err := keyless.Put(t.Context(), acme, settings.Change{Settings: base}); err != nil {
		t.Errorf("without any key: %v", err)
	}
}

func TestASealedKeyOpensForItsTenantAndServiceOnly(t *testing.T) {
	t.Parallel()
	one, both, other := vault(t, "a"), vault(t, "b", "a"), vault(t, "b")
	sealed, err := one.Seal("t1", "secret")
	if err != nil || strings.Contains(string(sealed), "secret") {
		t.Fatalf("%q, %v", sealed, err)
	}
	again, _ := one.Seal("t1", "secret")
	if string(again) == string(sealed) {
		t.Error("the same nonce twice")
	}
	if got, err := both.Open("t1", sealed); err != nil || got != "secret" {
		t.Errorf("after a new service key: %q, %v", got, err)
	}
	for name, open := range map[string]func() (string, error){
		"another tenant":  func() (string, error) { return one.Open("t2", sealed) },
		"another service": func() (string, error) { return other.Open("t1", sealed) },
		"cut":             func() (string, error) { return one.Open("t1", sealed[:9]) },
		"changed":         func() (string, error) { return one.Open("t1", append(sealed[:len(sealed)-1:len(sealed)-1], 0)) },
		"nothing":         func() (string, error) { return one.Open("t1", nil) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, bad := range []string{"", "c2hvcnQ=", "not base64!"} {
		if _, err := settings.ParseVault([]byte(bad)); err == nil {
			t.Errorf("%q is a service key", bad)
		}
	}
}
