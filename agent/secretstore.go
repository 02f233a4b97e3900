package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/agent/apiserver"
)

// errStore marks an error that may pass: the store could not be reached.
var errStore = errors.New("the agent's identity can't be reached")

// lockAnnotation names the replica that is enrolling or renewing. lockTimeout is for how long one is waited for that
// never gives the lock back; enrolment itself may take 30 s.
const (
	lockAnnotation = "kubechat.io/agent-lock"
	lockTimeout    = time.Minute
)

// secretStore is a Kubernetes Secret. Each write carries the version last read, so that the API server refuses the
// slower of two writers.
type secretStore struct {
	server *apiserver.Server
	path   string
	me     string // unique to this process
	now    func() time.Time

	mu      sync.Mutex // guards the rest, and is held during calls
	version string
	holder  string    // of the lock, as last read
	since   time.Time // when holder was first seen, by our own clock
}

type secretObject struct {
	Metadata secretMetadata    `json:"metadata"`
	Data     map[string][]byte `json:"data,omitempty"`
}

type secretMetadata struct {
	ResourceVersion string             `json:"resourceVersion,omitempty"`
	Annotations     map[string]*string `json:"annotations,omitempty"` // nil removes
}

func newSecretStore(server *apiserver.Server, namespace, name, me string) *secretStore {
	return &secretStore{
		server: server, path: "/api/v1/namespaces/" + namespace + "/secrets/" + name,
		me: me + "/" + rand.Text()[:8], now: time.Now,
	}
}

// Load reads the Secret.
func (s *secretStore) Load(ctx context.Context) (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var got secretObject
	if err := s.server.Do(ctx, http.MethodGet, s.path, nil, &got); err != nil {
		return nil, s.explain(err)
	}
	s.note(got)
	return got.Data, nil
}

// note remembers version and lock.
func (s *secretStore) note(got secretObject) {
	s.version = got.Metadata.ResourceVersion
	holder := ""
	if h := got.Metadata.Annotations[lockAnnotation]; h != nil {
		holder = *h
	}
	if holder != s.holder {
		s.holder, s.since = holder, s.now()
	}
}

// Lock writes our name into the annotation.
func (s *secretStore) Lock(ctx context.Context) (bool, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder == s.me {
		return true, s.me, nil
	}
	if s.holder != "" && s.now().Sub(s.since) < lockTimeout {
		holder, _, _ := strings.Cut(s.holder, "/")
		return false, holder, nil
	}
	err := s.patch(ctx, secretObject{Metadata: secretMetadata{
		ResourceVersion: s.version, Annotations: map[string]*string{lockAnnotation: &s.me}}})
	if isConflict(err) {
		return false, "", nil
	}
	return err == nil, "", err
}

// Save writes the data. Somebody else's change to the Secret, such as an upgrade's to its labels, does not stop it as
// long as the lock is still ours.
func (s *secretStore) Save(ctx context.Context, data map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		err := s.patch(ctx, secretObject{Data: maps.Clone(data), Metadata: secretMetadata{
			ResourceVersion: s.version, Annotations: map[string]*string{lockAnnotation: nil}}})
		if !isConflict(err) {
			return err
		}
		var got secretObject
		if err := s.server.Do(ctx, http.MethodGet, s.path, nil, &got); err != nil {
			return s.explain(err)
		}
		s.note(got)
		if s.holder != s.me {
			return fmt.Errorf("%w: another replica took the lock", errStore)
		}
	}
}

// Unlock removes our name.
func (s *secretStore) Unlock(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != s.me {
		return nil
	}
	return s.patch(ctx, secretObject{Metadata: secretMetadata{
		ResourceVersion: s.version, Annotations: map[string]*string{lockAnnotation: nil}}})
}

// Close has nothing to do.
func (s *secretStore) Close() error { return nil }

func (s *secretStore) patch(ctx context.Context, change secretObject) error {
	var got secretObject
	if err := s.server.Do(ctx, http.MethodPatch, s.path, change, &got); err != nil {
		return s.explain(err)
	}
	s.note(got)
	return nil
}

func (s *secretStore) explain(err error) error {
	var refused *apiserver.StatusError
	if errors.As(err, &refused) {
		switch refused.Code {
		case http.StatusNotFound:
			return fmt.Errorf("the Secret %s, which keeps the agent's identity, does not exist: the chart creates it, without data", s.path)
		case http.StatusForbidden, http.StatusUnauthorized:
			return fmt.Errorf("the agent may not use the Secret that keeps its identity: %w", err)
		}
	}
	return fmt.Errorf("%w: %w", errStore, err)
}

func isConflict(err error) bool {
	var refused *apiserver.StatusError
	return errors.As(err, &refused) && refused.Code == http.StatusConflict
}
