//go:build !unix

package agent

import "os"

// lockFile opens the file. Outside Unix nothing keeps two agents from one folder.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
