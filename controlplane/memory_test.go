package controlplane

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheLeastThatBinds(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:        8000000 kB\nMemFree:          100 kB\n"
	for name, c := range map[string]struct {
		goLimit int64
		files   map[string]string
		want    int64
	}{
		"GOMEMLIMIT":       {1 << 30, map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "1000\n"}, 1 << 30},
		"the machine":      {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n"}, 8000000 << 10},
		"a container":      {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"a group in group": {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "1073741824\n", "sys/fs/cgroup/a.slice/b.service/memory.max": "max\n"}, 1 << 30},
		"version 1":        {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		"no limit in 1":    {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 8000000 << 10},
		"a strange path":   {math.MaxInt64, map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../x\n"}, 8000000 << 10},
		"not Linux":        {math.MaxInt64, nil, 0},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memory(c.goLimit, root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
