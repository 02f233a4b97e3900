package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// signedIn is one organisation this machine can act in.
type signedIn struct {
	Server       string `json:"server"`
	Tenant       string `json:"tenant"`
	Token        string `json:"token"`
	TokenID      string `json:"tokenId,omitempty"` // set when we made the token ourselves, and may revoke it
	ExpiresAt    string `json:"expiresAt,omitempty"`
	Cluster      string `json:"cluster,omitempty"`      // last asked
	Conversation string `json:"conversation,omitempty"` // last used
}

// settings is the file this program keeps. The last used comes first.
type settings struct {
	Logins []signedIn `json:"logins"`
	path   string
}

func settingsPath(getenv func(string) string) (string, error) {
	if p := getenv("KUBECHAT_CONFIG"); p != "" {
		return p, nil
	}
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home := getenv("HOME")
		if home == "" {
			return "", errors.New("neither HOME, XDG_CONFIG_HOME nor KUBECHAT_CONFIG is set")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "kubechat", "config.json"), nil
}

func loadSettings(getenv func(string) string) (*settings, error) {
	path, err := settingsPath(getenv)
	if err != nil {
		return nil, err
	}
	s := &settings{path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read settings %s: %w", path, err)
	}
	return s, nil
}

// save replaces the file as a whole, so that a full disk loses no login, and lets nobody else read it.
func (s *settings) save() error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	f, err := os.CreateTemp(dir, ".config-*") // created 0600
	if err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	return os.Rename(f.Name(), s.path)
}

// find gives the login for server and tenant; empty ones match the last used.
func (s *settings) find(server, tenant string) (*signedIn, error) {
	for i := range s.Logins {
		l := &s.Logins[i]
		if (server == "" || l.Server == server) && (tenant == "" || l.Tenant == tenant) {
			return l, nil
		}
	}
	if len(s.Logins) == 0 {
		return nil, errors.New("you are not signed in: run kubechat login --server URL")
	}
	return nil, fmt.Errorf("you are not signed in to %s: run kubechat login", strings.TrimSpace(server+" "+tenant))
}

// put makes l the last used, replacing an older one of the same organisation.
func (s *settings) put(l signedIn) {
	s.remove(l.Server, l.Tenant)
	s.Logins = append([]signedIn{l}, s.Logins...)
}

func (s *settings) remove(server, tenant string) {
	kept := s.Logins[:0:0]
	for _, l := range s.Logins {
		if l.Server != server || l.Tenant != tenant {
			kept = append(kept, l)
		}
	}
	s.Logins = kept
}
