//go:build unix

package fakecuda

import (
	"os"
	"syscall"
)

// lock waits for the lock file of a build and returns what lets it go. The
// lock ends with the process too.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}
