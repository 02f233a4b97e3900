// Package image packs programs as container images without Docker: one layer, from scratch, reproducible to the
// byte. The archive is an OCI image layout (image-spec v1.1) in a tar, which `ctr images import`, `skopeo` and
// `docker load` (25 or newer) read. Start at Image.Write.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"time"
)

// Image is what goes into an archive.
type Image struct {
	Ref          string // such as registry.example.com/kubechat-agent:1.2.3
	Architecture string // as in GOARCH
	Entrypoint   []string
	User         string // "65532:65532"; empty is root
	Env          []string
	Labels       map[string]string
	Files        []File
}

// File is one file of the image's only layer; folders above it are made.
type File struct {
	Path    string // absolute, in the image
	Mode    int64  // 0o755 for programs
	Content []byte
	Link    string // if not empty: a symbolic link to this
}

// FromDisk reads a file of this machine as a File.
func FromDisk(source, dest string, mode int64) (File, error) {
	b, err := os.ReadFile(source)
	if err != nil {
		return File{}, fmt.Errorf("read %s for the image: %w", source, err)
	}
	return File{Path: dest, Mode: mode, Content: b}, nil
}

// epoch is the time of everything in an image: equal content gives equal bytes.
var epoch = time.Unix(0, 0).UTC()

// Write writes the archive.
func (im Image) Write(w io.Writer) error {
	layer, diffID, err := im.layer()
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": im.Architecture, "os": "linux", "created": epoch,
		"config":  map[string]any{"Entrypoint": im.Entrypoint, "User": im.User, "Env": im.Env, "Labels": im.Labels},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{diffID}},
		"history": []any{map[string]any{"created": epoch, "created_by": "kubechat make images"}},
	})
	if err != nil {
		return fmt.Errorf("encode the image's config: %w", err)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.oci.image.config.v1+json", config, nil),
		"layers": []any{descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer, nil)},
	})
	if err != nil {
		return fmt.Errorf("encode the image's manifest: %w", err)
	}
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
		"manifests": []any{descriptor("application/vnd.oci.image.manifest.v1+json", manifest, map[string]string{
			"io.containerd.image.name": im.Ref, "org.opencontainers.image.ref.name": im.Ref,
		})},
	})
	if err != nil {
		return fmt.Errorf("encode the image's index: %w", err)
	}
	files := []File{{Path: "oci-layout", Mode: 0o644, Content: []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
	for _, blob := range [][]byte{config, layer, manifest} {
		files = append(files, File{Path: "blobs/sha256/" + hexSum(blob), Mode: 0o644, Content: blob})
	}
	files = append(files, File{Path: "index.json", Mode: 0o644, Content: index})
	return writeTar(w, files)
}

// layer is the compressed layer and the digest of its uncompressed form.
func (im Image) layer() (compressed []byte, diffID string, err error) {
	folders := map[string]bool{}
	var files []File
	for _, f := range im.Files {
		for dir := path.Dir(path.Clean(f.Path)[1:]); dir != "."; dir = path.Dir(dir) {
			folders[dir+"/"] = true
		}
		f.Path = path.Clean(f.Path)[1:]
		files = append(files, f)
	}
	for dir := range folders {
		files = append(files, File{Path: dir, Mode: 0o755})
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	var raw, gz bytes.Buffer
	if err := writeTar(&raw, files); err != nil {
		return nil, "", err
	}
	zip := gzip.NewWriter(&gz)
	if _, err := zip.Write(raw.Bytes()); err != nil {
		return nil, "", fmt.Errorf("compress the layer: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, "", fmt.Errorf("compress the layer: %w", err)
	}
	return gz.Bytes(), "sha256:" + hexSum(raw.Bytes()), nil
}

func writeTar(w io.Writer, files []File) error {
	tw := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(f.Content)), ModTime: epoch, Format: tar.FormatPAX}
		switch {
		case f.Path[len(f.Path)-1] == '/':
			h.Typeflag = tar.TypeDir
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.Link, 0
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		if h.Size > 0 {
			if _, err := tw.Write(f.Content); err != nil {
				return fmt.Errorf("write %s: %w", f.Path, err)
			}
		}
	}
	return tw.Close()
}

func descriptor(mediaType string, content []byte, annotations map[string]string) map[string]any {
	d := map[string]any{"mediaType": mediaType, "digest": "sha256:" + hexSum(content), "size": len(content)}
	if annotations != nil {
		d["annotations"] = annotations
	}
	return d
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
