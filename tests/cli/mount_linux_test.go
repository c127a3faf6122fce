package cli

import "syscall"

// mount puts a file system of 64 KB over dir.
func mount(dir string) error { return syscall.Mount("none", dir, "tmpfs", 0, "size=64k") }

func unmount(dir string) error { return syscall.Unmount(dir, 0) }
