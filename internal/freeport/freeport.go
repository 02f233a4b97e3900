// Package freeport finds ports of the loopback interface for programs that are about to be started.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// First and last of what is given. It is below the ports that systems hand out by themselves (from 32768 on Linux): one of
// those may be the near end of somebody's connection a moment later.
const (
	first = 20_000
	last  = 29_999
)

var given sync.Map // ports that this process handed out: whoever got one may not listen on it yet

// Row finds n free ports in a row, and returns the first. None is given twice by the same process.
func Row(n int) (int, error) {
	for range 1000 {
		port := first + rand.IntN(last-first+2-n)
		if take(port, n) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("found no %d free ports in a row between %d and %d", n, first, last)
}

func take(port, n int) bool {
	for p := port; p < port+n; p++ {
		if Check(p) != nil {
			return false
		}
	}
	for p := port; p < port+n; p++ {
		if _, taken := given.LoadOrStore(p, true); taken {
			return false
		}
	}
	return true
}

// Check says whether a program could listen on the port, on the loopback interface and on all of them.
func Check(port int) error {
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}
