package job

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// errClaimed says that a task is being run by somebody else.
var errClaimed = errors.New("another run is at work on this task in the same folder of results; --shard gives each its part")

// claim is a folder for the results of one task that nobody else writes to, in
// this process or another. It ends with the process at the latest. A file
// system without locks lets everyone have the folder.
type claim struct {
	dir  string
	lock *flock.Flock // nil when the claim has ended
}

// newClaim makes the empty folder dir, in place of what a killed run may have
// left there.
func newClaim(dir string) (*claim, error) {
	c := &claim{dir, flock.New(filepath.Join(dir, ".lock"))}
	for range 2 {
		err := os.Mkdir(dir, 0o777)
		made := err == nil
		if !made && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if got, err := c.lock.TryLock(); err == nil && !got {
			return nil, errClaimed
		}
		if made {
			return c, nil
		}
		if err := c.remove(); err != nil {
			return nil, err
		}
	}
	return nil, errClaimed
}

// remove removes the folder and then the lock, in the other order where files
// that are open cannot be removed.
func (c *claim) remove() error {
	err := os.RemoveAll(c.dir)
	c.lock.Unlock()
	if err != nil {
		err = os.RemoveAll(c.dir)
	}
	return err
}

// end ends the claim on a folder that is whole.
func (c *claim) end() error {
	err := errors.Join(c.lock.Unlock(), os.Remove(c.lock.Path()))
	c.lock = nil
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no locks on this file system
	}
	return err
}

// abandon removes the folder of a claim that has not ended.
func (c *claim) abandon() {
	if c.lock != nil {
		c.remove()
	}
}
