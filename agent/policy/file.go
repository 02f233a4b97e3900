package policy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// reloadEvery is how soon a changed file holds. The kubelet itself takes up to a minute to bring a changed ConfigMap.
const reloadEvery = 2 * time.Second

// File is a Policy that follows a file, which a ConfigMap mount replaces as a whole.
type File struct {
	path string
	log  *slog.Logger

	mu      sync.RWMutex // guards what follows
	content []byte
	policy  *Policy
	err     error // why policy can't be trusted any more
}

// Open reads the file; an empty path is the default policy, for good.
func Open(path string, log *slog.Logger) (*File, error) {
	f := &File{path: path, log: log, policy: new(Policy)}
	if path == "" {
		return f, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read local policy: %w", err)
	}
	f.content = content
	if f.policy, err = Parse(content); err != nil {
		return nil, err
	}
	return f, nil
}

// Current is the policy in force. While the file can't be read or understood nothing is allowed: the owner may have
// meant to forbid something, and an error must not leave it open.
func (f *File) Current() (*Policy, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.err != nil {
		return nil, &Refusal{Setting: "file", Text: "the agent's local policy can't be used, so nothing is allowed until it is mended: " + f.err.Error()}
	}
	return f.policy, nil
}

// Run follows the file until ctx ends.
func (f *File) Run(ctx context.Context) error {
	if f.path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.reload(ctx)
		}
	}
}

func (f *File) reload(ctx context.Context) {
	content, err := os.ReadFile(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		if f.err == nil {
			f.log.ErrorContext(ctx, "local policy can't be read; everything is refused", "file", f.path, "error", err)
		}
		f.err, f.content = err, nil
		return
	}
	if f.content != nil && bytes.Equal(content, f.content) {
		return
	}
	f.content = content
	p, err := Parse(content)
	if f.err = err; err != nil {
		f.log.ErrorContext(ctx, "local policy is not valid; everything is refused", "file", f.path, "error", err)
		return
	}
	f.policy = p
	f.log.InfoContext(ctx, "local policy changed", "file", f.path, "read_only", p.ReadOnly, "secrets", string(p.Secrets))
}
