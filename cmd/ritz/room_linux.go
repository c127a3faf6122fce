package main

import (
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// room returns how many bytes of memory this process can have at most: what the
// machine has left, and the limits of its control groups and of the process
// itself (ulimit -v). 0 means unknown.
func room() uint64 {
	least := uint64(0)
	limit := func(x uint64) {
		if x > 0 && (least == 0 || x < least) {
			least = x
		}
	}
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(info)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemAvailable:" {
			limit(number(fields[1]) << 10) // kB
		}
	}
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" { // version 1
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[0] != "0" {
			continue
		}
		// In a container the path may be that of the host, and the limit at
		// the root.
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if text, err := os.ReadFile(path.Join(root, dir, file)); err == nil {
				limit(number(strings.TrimSpace(string(text))))
			}
			if dir == "/" {
				break
			}
		}
	}
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &r) == nil && r.Cur < 1<<62 {
		limit(r.Cur)
	}
	return least
}

// number parses a number of bytes, 0 for "max" and what else is none.
func number(s string) uint64 {
	x, err := strconv.ParseUint(s, 10, 64)
	if err != nil || x >= 1<<62 {
		return 0
	}
	return x
}
