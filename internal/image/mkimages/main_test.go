package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pack(t *testing.T, content string) (archives []string) {
	t.Helper()
	bin, out := t.TempDir(), t.TempDir()
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(name+content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var printed strings.Builder
	if err := run([]string{"--version", "1.2.3", "--bin", bin, "--out", out, "--arch", "arm64"}, &printed); err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(printed.String()) {
		archives = append(archives, path)
	}
	return archives
}

func TestEqualProgramsGiveEqualArchives(t *testing.T) {
	t.Parallel()
	one, two, other := pack(t, "x"), pack(t, "x"), pack(t, "y")
	if len(one) != len(programs) {
		t.Fatalf("archives %v", one)
	}
	for i := range one {
		a, b, c := read(t, one[i]), read(t, two[i]), read(t, other[i])
		if !bytes.Equal(a, b) || bytes.Equal(a, c) {
			t.Errorf("%s is not reproducible", one[i])
		}
	}
}

// TestArchiveIsAnOCILayout follows index, manifest and config as a container runtime does.
func TestArchiveIsAnOCILayout(t *testing.T) {
	t.Parallel()
	archive := pack(t, "x")[0]
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(read(t, archive))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	type descriptor struct {
		MediaType, Digest string
		Size              int
		Annotations       map[string]string
	}
	blob := func(d descriptor, into any) []byte {
		t.Helper()
		sum := strings.TrimPrefix(d.Digest, "sha256:")
		b := files["blobs/sha256/"+sum]
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum || len(b) != d.Size {
			t.Fatalf("blob %+v is not what it says", d)
		}
		if into != nil {
			if err := json.Unmarshal(b, into); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	var index struct{ Manifests []descriptor }
	if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatal(err, string(files["index.json"]))
	}
	if ref := index.Manifests[0].Annotations["io.containerd.image.name"]; ref != "docker.io/kubechat/kubechat-agent:1.2.3" {
		t.Errorf("name %q", ref)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	blob(index.Manifests[0], &manifest)
	var config struct {
		Architecture, OS string
		Config           struct {
			Entrypoint []string
			User       string
		}
	}
	blob(manifest.Config, &config)
	if config.Architecture != "arm64" || config.OS != "linux" || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/kubechat-agent" {
		t.Errorf("config %+v", config)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("layers %v", manifest.Layers)
	}
	blob(manifest.Layers[0], nil)
}

func TestMissingProgramIsNamed(t *testing.T) {
	t.Parallel()
	if err := run([]string{"--bin", t.TempDir(), "--out", t.TempDir()}, io.Discard); err == nil || !strings.Contains(err.Error(), "kubechat-agent") {
		t.Error(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
