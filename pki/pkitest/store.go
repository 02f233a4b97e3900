package pkitest

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// Store is an authority.Store in memory. Two authorities may share one, as replicas share a database.
type Store struct {
	mu      sync.Mutex           // guards what follows; held while a line is being changed
	trust   map[string]pki.Trust // by trust domain
	events  []pki.TrustEvent
	used    map[string]bool
	revoked map[string]bool
	lines   map[[2]string]pki.Line
	issued  map[[2]string][]*x509.Certificate
	away    bool
}

var _ authority.Store = (*Store)(nil)

// ErrAway is what a store that is away answers.
var ErrAway = errors.New("store away")

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{
		trust: map[string]pki.Trust{}, used: map[string]bool{}, revoked: map[string]bool{},
		lines: map[[2]string]pki.Line{}, issued: map[[2]string][]*x509.Certificate{},
	}
}

// SetAway makes every call fail until it is set back.
func (s *Store) SetAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *Store) lock() (func(), error) {
	s.mu.Lock()
	if s.away {
		s.mu.Unlock()
		return nil, ErrAway
	}
	return s.mu.Unlock, nil
}

// Trust implements authority.Store.
func (s *Store) Trust(_ context.Context, trustDomain string) (pki.Trust, error) {
	unlock, err := s.lock()
	if err != nil {
		return pki.Trust{}, err
	}
	defer unlock()
	return cloneTrust(s.trust[trustDomain]), nil
}

// ChangeTrust implements authority.Store.
func (s *Store) ChangeTrust(_ context.Context, trustDomain string, f func(*pki.Trust) error) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	t := cloneTrust(s.trust[trustDomain])
	if err := f(&t); err != nil {
		return err
	}
	s.events = append(s.events, t.Events...)
	t.Events = nil
	s.trust[trustDomain] = t
	return nil
}

func cloneTrust(t pki.Trust) pki.Trust {
	t.CAs = slices.Clone(t.CAs)
	return t
}

// Events is the authority's record.
func (s *Store) Events() []pki.TrustEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Behind implements authority.Store.
func (s *Store) Behind(_ context.Context, now time.Time, version int64, keys []string) (out []authority.Behind, err error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	for k, l := range s.lines {
		if l.Closed != "" || !l.LockedAt.IsZero() || !now.Before(l.NotAfter) {
			continue
		}
		if l.Bundle < version || keys != nil && !slices.Contains(keys, l.Authority) {
			out = append(out, authority.Behind{Tenant: k[0], Cluster: k[1], Bundle: l.Bundle, NotAfter: l.NotAfter})
		}
	}
	return out, nil
}

// UseOTT implements authority.Store.
func (s *Store) UseOTT(_ context.Context, id string, _ time.Time) (bool, error) {
	unlock, err := s.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	first := !s.used[id]
	s.used[id] = true
	return first, nil
}

// Line implements authority.Store.
func (s *Store) Line(_ context.Context, tenant, cluster string, f func(*pki.Line) error) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	key := [2]string{tenant, cluster}
	line := s.lines[key]
	if err := f(&line); err != nil {
		return err
	}
	s.issued[key] = append(s.issued[key], line.Issued...)
	line.Issued = nil
	s.lines[key] = line
	return nil
}

// State implements authority.Store.
func (s *Store) State(_ context.Context, tenant, cluster string) (pki.Line, error) {
	unlock, err := s.lock()
	if err != nil {
		return pki.Line{}, err
	}
	defer unlock()
	return s.lines[[2]string{tenant, cluster}], nil
}

// Issued implements authority.Store.
func (s *Store) Issued(_ context.Context, tenant, cluster string, now time.Time) (out []*x509.Certificate, err error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, c := range s.issued[[2]string{tenant, cluster}] {
		if now.Before(c.NotAfter) {
			out = append(out, c)
		}
	}
	return out, nil
}

// RevokeSerial implements authority.Store.
func (s *Store) RevokeSerial(_ context.Context, serial, _ string, _ time.Time) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	s.revoked[serial] = true
	return nil
}

// SerialRevoked implements authority.Store.
func (s *Store) SerialRevoked(_ context.Context, serial string) (bool, error) {
	unlock, err := s.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	return s.revoked[serial], nil
}
