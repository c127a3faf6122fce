//go:build !cgo

package native

func hasBF16() bool { return false }
