// Command mkimages packs the programs in .bin as OCI archives, without Docker: from scratch, with the machine's root
// certificates, and equal to the byte for equal content. `ctr images import` and `docker load` read them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kubechat/kubechat/internal/image"
)

// programs are packed into an image each.
var programs = []string{"kubechat-agent", "kubechatd"}

// bundles is where systems keep their root certificates; the first that exists is taken.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem",
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mkimages:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mkimages", flag.ContinueOnError)
	version := flags.String("version", "dev", "the images' tag")
	bin := flags.String("bin", ".bin", "`DIR` with the programs, built for linux and without cgo")
	out := flags.String("out", "dist", "`DIR` for the archives")
	repository := flags.String("repository", "docker.io/kubechat", "what the images' names start with")
	arch := flags.String("arch", runtime.GOARCH, "of the programs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	roots, err := rootCertificates()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for _, name := range programs {
		program, err := image.FromDisk(filepath.Join(*bin, name), "/"+name, 0o755)
		if err != nil {
			return err
		}
		archive := filepath.Join(*out, fmt.Sprintf("%s-%s-linux-%s.oci.tar", name, *version, *arch))
		err = write(archive, image.Image{
			Ref: *repository + "/" + name + ":" + *version, Architecture: *arch, Entrypoint: []string{"/" + name}, User: "65532:65532",
			Labels: map[string]string{
				"org.opencontainers.image.title": name, "org.opencontainers.image.version": *version, "org.opencontainers.image.licenses": "Apache-2.0",
			},
			Files: []image.File{program, roots},
		})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(stdout, archive)
	}
	return nil
}

func rootCertificates() (image.File, error) {
	for _, path := range bundles {
		f, err := image.FromDisk(path, "/etc/ssl/certs/ca-certificates.crt", 0o644)
		if !errors.Is(err, os.ErrNotExist) {
			return f, err
		}
	}
	return image.File{}, errors.New("this machine has no root certificates (Debian: apt install ca-certificates)")
}

func write(path string, im image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(im.Write(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
