package controlplane

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/kubechat/kubechat/tunnel"
)

// tunnelBudget bounds what all tunnels of this process may hold in memory: a quarter of what the process may use. It is
// nil, which is no bound, where that can't be found out.
func tunnelBudget() *tunnel.Budget {
	bytes := memory(debug.SetMemoryLimit(-1), os.DirFS("/"))
	if bytes == 0 {
		return nil
	}
	return tunnel.NewBudget(int(bytes / 4))
}

// headroom keeps the garbage collector from running after every few megabytes while little is in use: to it, this much more
// is. It is never touched, so that it takes no memory; what it allows is as much garbage.
func headroom() []byte { return make([]byte, 32<<20) }

// memory is how many bytes this process may use: the Go runtime's limit (GOMEMLIMIT) if one is set, else the least of its
// control groups' and the machine's. 0 is not known. root is the machine's file system.
func memory(goLimit int64, root fs.FS) int64 {
	if goLimit > 0 && goLimit < math.MaxInt64 {
		return goLimit
	}
	least := machine(root)
	for _, limit := range groups(root) {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

// machine is MemTotal of /proc/meminfo, in bytes.
func machine(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			n, err := strconv.ParseInt(kib, 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// groups are the limits of the control groups that this process is in, of version 2 and 1. In a container its own group
// looks like the root.
func groups(root fs.FS) (limits []int64) {
	read := func(name string) {
		if text, err := fs.ReadFile(root, name); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil { // "max" is none
				limits = append(limits, n)
			}
		}
	}
	read("sys/fs/cgroup/memory.max")
	read("sys/fs/cgroup/memory/memory.limit_in_bytes")
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limits
	}
	for line := range strings.Lines(string(own)) {
		at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		for ; ok && at != "" && at != "." && fs.ValidPath(at); at = path.Dir(at) {
			read("sys/fs/cgroup/" + at + "/memory.max")
		}
	}
	return limits
}
