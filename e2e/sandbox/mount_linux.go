package sandbox

import "syscall"

// unmount takes a mount away even while something still looks at it.
func unmount(path string) error { return syscall.Unmount(path, syscall.MNT_DETACH) }
