package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// dirStore is a folder that one process has to itself.
type dirStore struct {
	dir  string
	lock *os.File
}

const identityFile = "identity.json"

func openDirStore(dir string) (*dirStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("state folder %s is in use by another agent: %w", dir, err)
	}
	return &dirStore{dir: dir, lock: lock}, nil
}

// Load reads the file.
func (d *dirStore) Load(context.Context) (map[string][]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, identityFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	var data map[string][]byte
	if err := json.Unmarshal(b, &data); err != nil {
		return nil, fmt.Errorf("stored identity: %w", err)
	}
	return data, nil
}

// Lock is held since the folder was opened.
func (d *dirStore) Lock(context.Context) (bool, string, error) { return true, "", nil }

// Unlock has nothing to do.
func (d *dirStore) Unlock(context.Context) error { return nil }

// Save replaces the file, whole or not at all.
func (d *dirStore) Save(_ context.Context, data map[string][]byte) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(d.dir, ".identity-*") // mode 0600
	if err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(d.dir, identityFile)); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	return nil
}

// Close lets another process have the folder.
func (d *dirStore) Close() error { return d.lock.Close() }
