//go:build !linux

package sandbox

import "syscall"

// ownGroup puts a program in a process group of its own; only Linux can also tie it to our life.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
