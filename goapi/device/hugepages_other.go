//go:build !linux

package device

func useHugePages([]byte) {}
