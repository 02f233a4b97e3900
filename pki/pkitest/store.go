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
	mu      sync.Mutex                     // guards what follows; held while a line is being changed
	cas     map[string][]*x509.Certificate // by trust domain
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
		cas: map[string][]*x509.Certificate{}, used: map[string]bool{}, revoked: map[string]bool{},
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

// CAs implements authority.Store.
func (s *Store) CAs(_ context.Context, trustDomain string) ([]*x509.Certificate, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return slices.Clone(s.cas[trustDomain]), nil
}

// AddCA implements authority.Store.
func (s *Store) AddCA(_ context.Context, trustDomain string, c *x509.Certificate) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !containsCert(s.cas[trustDomain], c) {
		s.cas[trustDomain] = append(s.cas[trustDomain], c)
	}
	return nil
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
