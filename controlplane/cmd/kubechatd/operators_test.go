package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOperatorsTokenIsKeptAsAHashAndNotShort(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if hash, err := operatorToken(""); hash != nil || err != nil {
		t.Errorf("no file: %x, %v", hash, err)
	}
	long := strings.Repeat("x", 32)
	write(long + "\n")
	want := sha256.Sum256([]byte(long))
	if hash, err := operatorToken(file); err != nil || string(hash) != string(want[:]) {
		t.Errorf("%x, %v", hash, err)
	}
	write("short")
	if hash, err := operatorToken(file); err == nil || hash != nil || strings.Contains(err.Error(), `"short"`) {
		t.Errorf("a short one: %x, %v", hash, err)
	}
	if _, err := operatorToken(file + "s"); err == nil {
		t.Error("a file that is not there")
	}
}
