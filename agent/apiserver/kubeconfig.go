package apiserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// kubeconfig is as much of the format as an agent outside a cluster needs.
type kubeconfig struct {
	CurrentContext string `json:"current-context"`
	Contexts       []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
	Clusters []struct {
		Name    string           `json:"name"`
		Cluster kubeconfigServer `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		Name string         `json:"name"`
		User kubeconfigUser `json:"user"`
	} `json:"users"`
}

type kubeconfigServer struct {
	Server        string `json:"server"`
	CAData        []byte `json:"certificate-authority-data"`
	CA            string `json:"certificate-authority"`
	TLSServerName string `json:"tls-server-name"`
	SkipVerify    bool   `json:"insecure-skip-tls-verify"`
	ProxyURL      string `json:"proxy-url"`
}

type kubeconfigUser struct {
	CertData  []byte `json:"client-certificate-data"`
	Cert      string `json:"client-certificate"`
	KeyData   []byte `json:"client-key-data"`
	Key       string `json:"client-key"`
	Token     string `json:"token"`
	TokenFile string `json:"tokenFile"`
	Exec      any    `json:"exec"`
	Provider  any    `json:"auth-provider"`
	Username  string `json:"username"`
}

// FromKubeconfig is the server and user of the file's context, its current one if context is "".
func FromKubeconfig(path, context string) (*Server, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	var k kubeconfig
	if err := yaml.Unmarshal(b, &k); err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	s, err := k.server(context, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	return newServer(s), nil
}

func (k *kubeconfig) server(context, dir string) (*Server, error) {
	if context == "" {
		context = k.CurrentContext
	}
	for _, c := range k.Contexts {
		if c.Name != context {
			continue
		}
		for _, server := range k.Clusters {
			if server.Name != c.Context.Cluster {
				continue
			}
			for _, user := range k.Users {
				if user.Name == c.Context.User {
					return assemble(server.Cluster, user.User, dir)
				}
			}
			return nil, fmt.Errorf("it has no user %q", c.Context.User)
		}
		return nil, fmt.Errorf("it has no cluster %q", c.Context.Cluster)
	}
	return nil, fmt.Errorf("it has no context %q", context)
}

func assemble(c kubeconfigServer, u kubeconfigUser, dir string) (*Server, error) {
	target, err := url.Parse(c.Server)
	if err != nil || target.Host == "" || target.Scheme != "https" {
		return nil, fmt.Errorf("its server %q is not an https URL", c.Server)
	}
	switch {
	case c.ProxyURL != "":
		return nil, errors.New("its cluster has a proxy-url, which the agent does not support")
	case u.Exec != nil || u.Provider != nil:
		return nil, errors.New("its user signs in through a plugin, which the agent does not run: use a service account's token")
	case u.Username != "":
		return nil, errors.New("its user has a password, which the agent does not support: use a service account's token")
	}
	s := &Server{URL: target, token: u.Token, tls: &tls.Config{
		ServerName: c.TLSServerName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SkipVerify}}
	if s.token == "" && u.TokenFile != "" {
		s.tokenFile = resolve(dir, u.TokenFile)
	}
	ca, err := content(c.CAData, c.CA, dir)
	if err != nil {
		return nil, err
	}
	if len(ca) > 0 {
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("its certificate-authority holds no certificate")
		}
	}
	cert, err := content(u.CertData, u.Cert, dir)
	if err != nil {
		return nil, err
	}
	key, err := content(u.KeyData, u.Key, dir)
	if err != nil {
		return nil, err
	}
	if len(cert) > 0 {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("its client certificate: %w", err)
		}
		s.tls.Certificates = []tls.Certificate{pair}
	}
	return s, nil
}

// content is what the file says inline, or else what the file it names holds.
func content(inline []byte, path, dir string) ([]byte, error) {
	if len(inline) > 0 || path == "" {
		return inline, nil
	}
	return os.ReadFile(resolve(dir, path))
}

func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
