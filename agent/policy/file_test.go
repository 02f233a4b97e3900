package policy_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/agent/policy"
)

func TestChangedFileHoldsWithinSecondsAndABrokenOneAllowsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		write := func(content string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("readOnly: false")
		file, err := policy.Open(path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- file.Run(ctx) }()
		settle := func() {
			<-time.After(3 * time.Second) // by the bubble's clock
			synctest.Wait()
		}

		write("readOnly: true")
		settle()
		if p, err := file.Current(); err != nil || !p.ReadOnly {
			t.Errorf("after the change: %+v, %v", p, err)
		}
		write("readOnly: yes please")
		settle()
		if _, err := file.Current(); err == nil {
			t.Error("a file that can't be understood still allows")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		settle()
		if _, err := file.Current(); err == nil {
			t.Error("a missing file still allows")
		}
		write("secrets: full")
		settle()
		if p, err := file.Current(); err != nil || p.ReadOnly || p.Secrets != policy.SecretsFull {
			t.Errorf("after the repair: %+v, %v", p, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAgentDoesNotStartWithABrokenFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if _, err := policy.Open(path, slog.Default()); err == nil {
		t.Error("a missing file is accepted")
	}
	if err := os.WriteFile(path, []byte("nonsense: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Open(path, slog.Default()); err == nil {
		t.Error("a file with an unknown setting is accepted")
	}
	if f, err := policy.Open("", slog.Default()); err != nil {
		t.Error(err)
	} else if _, err := f.Current(); err != nil {
		t.Error(err)
	}
}
