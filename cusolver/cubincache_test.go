//go:build cgo && linux && !nocuda

package cusolver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func cacheIn(t *testing.T, folder string) cubinCache {
	t.Helper()
	t.Setenv("RITZ_CACHE_DIR", folder)
	return openCubinCache()
}

func TestCubinCacheKeepsWhatItIsGiven(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	c := cacheIn(t, folder)
	key, image := cubinKey("source", "sm_90a"), []byte("\x7fELF image")
	if c.get(key) != nil {
		t.Error("an empty cache has an image")
	}
	c.put(key, image)
	if got := cacheIn(t, folder).get(key); !bytes.Equal(got, image) {
		t.Errorf("got %q, want %q", got, image)
	}
	if got := c.get(cubinKey("source", "sm_80")); got != nil {
		t.Errorf("the image for another GPU was taken: %q", got)
	}
	if cubinKey("ab", "c") == cubinKey("a", "bc") {
		t.Error("two keys with parts that join to the same text are equal")
	}
	for path, want := range map[string]os.FileMode{folder: 0o700, c.path(key): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// Whatever byte of a file is wrong, and wherever it ends, the image is not
// used, and the next one can be stored.
func TestDamagedCubinIsNotUsed(t *testing.T) {
	c := cacheIn(t, t.TempDir())
	key, image := cubinKey("a"), []byte("the image")
	whole := wrap(image)
	check := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(c.path(key), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.get(key); got != nil {
			t.Errorf("%s: got %q", what, got)
		}
		c.put(key, image)
		if got := c.get(key); !bytes.Equal(got, image) {
			t.Errorf("%s: not replaced: %q", what, got)
		}
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		check(fmt.Sprintf("byte %d changed", i), changed)
		check(fmt.Sprintf("ends after byte %d", i), whole[:i])
	}
	check("longer", append(bytes.Clone(whole), 0))
}

func TestForeignFilesAndFoldersAreNotUsed(t *testing.T) {
	folder := t.TempDir()
	c := cacheIn(t, folder)
	key := cubinKey("a")
	c.put(key, []byte("image"))
	moved := filepath.Join(folder, "elsewhere")
	if err := os.Rename(c.path(key), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(moved, c.path(key)); err != nil {
		t.Fatal(err)
	}
	if c.get(key) != nil {
		t.Error("a symbolic link was followed")
	}
	if os.Geteuid() == 0 {
		os.Remove(c.path(key))
		c.put(key, []byte("image"))
		if err := os.Chown(c.path(key), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if c.get(key) != nil {
			t.Error("another user's file was used")
		}
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if c := cacheIn(t, folder); c.folder != "" {
		t.Error("a folder that others may write to was used")
	}
}

// Nothing can be stored in a read-only folder, but what is there is used; a
// cache that cannot exist does no harm.
func TestReadOnlyAndImpossibleCache(t *testing.T) {
	folder := t.TempDir()
	c := cacheIn(t, folder)
	key := cubinKey("a")
	c.put(key, []byte("image"))
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(folder, 0o700)
	c = cacheIn(t, folder)
	if got := c.get(key); string(got) != "image" {
		t.Errorf("from a read-only folder: %q", got)
	}
	c.put(cubinKey("b"), []byte("image")) // root may write nevertheless
	if leftover, _ := filepath.Glob(filepath.Join(folder, "*.tmp")); len(leftover) != 0 {
		t.Errorf("left behind: %v", leftover)
	}
	c = cacheIn(t, "/dev/null/cache")
	c.put(key, []byte("image"))
	if c.get(key) != nil {
		t.Error("a cache that cannot exist has an image")
	}
}

func TestOldestCubinsGo(t *testing.T) {
	c := cacheIn(t, t.TempDir())
	image := make([]byte, 1000)
	c.limit = int64(3 * (cubinHeader + len(image)))
	var keys []string
	for i := range 5 {
		keys = append(keys, cubinKey(fmt.Sprint(i)))
	}
	age := func(path string, hours int) {
		old := time.Now().Add(-time.Duration(hours) * time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range keys[:3] {
		c.put(key, image)
		age(c.path(key), 10-i)
	}
	c.get(keys[0]) // used again: now the youngest
	stale, fresh := c.path(keys[0])[:len(c.path(keys[0]))-len("cubin")]+"1.tmp", c.path(keys[1])[:len(c.path(keys[1]))-len("cubin")]+"2.tmp"
	other := filepath.Join(c.folder, "notes.txt")
	for _, path := range []string{stale, fresh, other} {
		if err := os.WriteFile(path, make([]byte, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(stale, 2)
	age(other, 1000)
	c.put(keys[3], image)
	for path, want := range map[string]bool{
		c.path(keys[0]): true, c.path(keys[1]): false, c.path(keys[2]): true, c.path(keys[3]): true,
		stale: false, fresh: true, other: true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there: %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
	c.put(keys[4], make([]byte, c.limit)) // can never fit
	if c.get(keys[3]) == nil {
		t.Error("an image that does not fit drove out others")
	}
}

// Eight processes with four writers and readers each: nobody may see a part of
// an image, and nothing may be left but the images.
func TestCubinCacheWithEightProcesses(t *testing.T) {
	image := func(key string) []byte { return bytes.Repeat([]byte(key), 5000) }
	if folder := os.Getenv("CUBIN_CACHE_WORKER"); folder != "" {
		c := cacheIn(t, folder)
		done := make(chan string)
		for range 4 {
			go func() {
				bad := ""
				for i := range 50 {
					key := cubinKey(fmt.Sprint(i % 5))
					c.put(key, image(key))
					if got := c.get(key); got != nil && !bytes.Equal(got, image(key)) {
						bad = key
					}
				}
				done <- bad
			}()
		}
		for range 4 {
			if bad := <-done; bad != "" {
				t.Errorf("a wrong image for %s", bad)
			}
		}
		return
	}
	folder := t.TempDir()
	var workers [8]*exec.Cmd
	var output [8]bytes.Buffer
	for i := range workers {
		w := exec.Command(os.Args[0], "-test.run=^TestCubinCacheWithEightProcesses$")
		w.Env = append(os.Environ(), "CUBIN_CACHE_WORKER="+folder)
		w.Stdout, w.Stderr = &output[i], &output[i]
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		workers[i] = w
	}
	for i, w := range workers {
		if err := w.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, output[i].String())
		}
	}
	c := cacheIn(t, folder)
	for i := range 5 {
		key := cubinKey(fmt.Sprint(i))
		if !bytes.Equal(c.get(key), image(key)) {
			t.Errorf("image %d is not there", i)
		}
	}
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".cubin") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}
