//go:build !unix

package fakecuda

// lock does nothing: the emulator is for Linux.
func lock(string) (unlock func(), err error) { return func() {}, nil }
