package proxies

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/freeaddr"
)

// patience bounds every wait for something real.
const patience = 30 * time.Second

// open is a folder that a server may use that gives up being root.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kubechat-proxy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

// output is what a process said.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a program until the test ends, and waits until it listens on addr.
func start(t *testing.T, addr, program string, args ...string) *output {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%v: scripts/setup.sh test installs it", err)
	}
	said := new(output)
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helpers end with it
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said)
		}
	})
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return said
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", program, err, said)
		case <-deadline:
			t.Fatalf("%s does not listen on %s\n%s", program, addr, said)
		case <-tick.C:
		}
	}
}

// squid is a real one, with these lines in its configuration besides what all have. It says how it may be used.
func squid(t *testing.T, port, lines string) (addr string, said *output) {
	t.Helper()
	addr, dir := freeaddr.Loopback(t), open(t)
	conf := fmt.Sprintf(`
http_port %s %s
%s
http_access deny all
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
access_log stdio:/dev/null
cache_log %s/cache.log
pid_filename none
netdb_filename none
coredump_dir none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname proxy.test
`, addr, strings.ReplaceAll(port, "DIR", dir), strings.ReplaceAll(lines, "DIR", dir), dir)
	if strings.Contains(conf, "ssl_db") {
		write(t, filepath.Join(dir, "ca.pem"), authority(t), 0o644)
		certgen(t, filepath.Join(dir, "ssl_db"))
	}
	if strings.Contains(conf, "auth.sh") {
		// squid's protocol for helpers: a line with a name and a password in; OK or ERR out
		write(t, filepath.Join(dir, "auth.sh"), "#!/bin/sh\nwhile read -r line; do [ \"$line\" = 'user p@ss' ] && echo OK || echo ERR; done\n", 0o755)
	}
	path := write(t, filepath.Join(dir, "squid.conf"), conf, 0o644)
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(dir, "cache.log")); err == nil && t.Failed() {
			t.Logf("squid's log:\n%s", log)
		}
	})
	return addr, start(t, addr, "squid", "-N", "-f", path)
}

// certgen makes the folder for the certificates that squid makes up, for the user it becomes.
func certgen(t *testing.T, dir string) {
	t.Helper()
	const program = "/usr/lib/squid/security_file_certgen"
	if said, err := exec.Command(program, "-c", "-s", dir, "-M", "4MB").CombinedOutput(); err != nil {
		t.Fatalf("%v (squid-openssl has it): %s", err, said)
	}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		return errors.Join(err, os.Chmod(path, 0o777))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// authority is a throwaway CA that nobody believes, certificate and key in one text.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Inspection of Example Ltd"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}
