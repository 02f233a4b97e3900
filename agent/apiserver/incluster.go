package apiserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ServiceAccountDir is where Kubernetes mounts a pod's credentials.
const ServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// InCluster is the API server of the cluster whose pod this program runs in.
func InCluster(getenv func(string) string) (*Server, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("not in a Kubernetes pod (KUBERNETES_SERVICE_HOST is not set): give --kubeconfig")
	}
	return inCluster(host, port, ServiceAccountDir)
}

func inCluster(host, port, dir string) (*Server, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read the cluster's CA: %s holds no certificate", filepath.Join(dir, "ca.crt"))
	}
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("read the pod's namespace: %w", err)
	}
	s := &Server{
		URL:       &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)},
		Namespace: strings.TrimSpace(string(namespace)),
		tls:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		tokenFile: filepath.Join(dir, "token"),
	}
	if err := s.Authorize(map[string][]string{}); err != nil {
		return nil, err
	}
	return newServer(s), nil
}
