//go:build !linux

package tlsmux

import "net"

// tuneTCP is for Linux, where agents and planes run.
func tuneTCP(net.Conn) func(int) { return nil }
