//go:build cgo && linux && !nocuda

package cusolver

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cubinCache is a folder with compiled kernels, shared by all processes of one
// user. A file holds a magic word, the length and the SHA-256 of the image,
// and the image. It appears under its name only when it is whole. Every
// failure means no more than compiling again.
type cubinCache struct {
	folder string // "" for no cache
	limit  int64  // bytes of all files together
}

const (
	cubinMagic  = "ritzcub1"
	cubinHeader = len(cubinMagic) + 8 + sha256.Size
	cubinLimit  = 256 << 20
)

// openCubinCache returns the cache in $RITZ_CACHE_DIR, else in the folder
// ritz/cubin of the user's caches. A folder that others can write to is not
// used: who can put a kernel there can compute with the user's data.
func openCubinCache() cubinCache {
	folder := os.Getenv("RITZ_CACHE_DIR")
	if folder == "" {
		caches, err := os.UserCacheDir()
		if err != nil {
			return cubinCache{}
		}
		folder = filepath.Join(caches, "ritz", "cubin")
	}
	if os.MkdirAll(folder, 0o700) != nil {
		return cubinCache{}
	}
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() || !ours(info) || info.Mode().Perm()&0o022 != 0 {
		return cubinCache{}
	}
	return cubinCache{folder, cubinLimit}
}

// ours reports whether a file belongs to this user.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// cubinKey names an image by everything that it depends on.
func cubinKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		binary.Write(h, binary.LittleEndian, uint64(len(p)))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c cubinCache) path(key string) string { return filepath.Join(c.folder, key+".cubin") }

// get returns the image of a key, nil if there is none or it is damaged.
func (c cubinCache) get(key string) []byte {
	if c.folder == "" {
		return nil
	}
	f, err := os.OpenFile(c.path(key), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !ours(info) || info.Size() < int64(cubinHeader) || info.Size() > c.limit {
		return nil
	}
	data := make([]byte, info.Size())
	if n, _ := f.ReadAt(data, 0); n < len(data) {
		return nil
	}
	image := unwrap(data)
	if image == nil {
		c.drop(key)
		return nil
	}
	now := time.Now()
	os.Chtimes(c.path(key), now, now) // the oldest are deleted first
	return image
}

func wrap(image []byte) []byte {
	sum := sha256.Sum256(image)
	data := binary.LittleEndian.AppendUint64([]byte(cubinMagic), uint64(len(image)))
	return append(append(data, sum[:]...), image...)
}

// unwrap returns the image in a file, nil if the file is damaged.
func unwrap(data []byte) []byte {
	rest, ok := bytes.CutPrefix(data, []byte(cubinMagic))
	if !ok || len(data) < cubinHeader {
		return nil
	}
	length, sum, image := binary.LittleEndian.Uint64(rest), rest[8:8+sha256.Size], rest[8+sha256.Size:]
	if got := sha256.Sum256(image); length != uint64(len(image)) || !bytes.Equal(sum, got[:]) {
		return nil
	}
	return image
}

// put stores an image. Processes that store the same key at once overwrite
// each other with the same content.
func (c cubinCache) put(key string, image []byte) {
	if c.folder == "" || int64(cubinHeader+len(image)) > c.limit {
		return
	}
	f, err := os.CreateTemp(c.folder, key+".*.tmp") // mode 0600
	if err != nil {
		return
	}
	_, err = f.Write(wrap(image))
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		os.Remove(f.Name())
		return
	}
	c.tidy()
}

func (c cubinCache) drop(key string) {
	if c.folder != "" {
		os.Remove(c.path(key))
	}
}

// tidy deletes the oldest images beyond the limit, and what writers that died
// have left.
func (c cubinCache) tidy() {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	var images []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !isCubinName(e.Name()) {
			continue
		}
		if strings.HasSuffix(e.Name(), ".tmp") {
			if time.Since(info.ModTime()) > time.Hour {
				os.Remove(filepath.Join(c.folder, e.Name()))
			}
			continue
		}
		images = append(images, info)
		total += info.Size()
	}
	slices.SortFunc(images, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range images {
		if total <= c.limit {
			return
		}
		os.Remove(filepath.Join(c.folder, info.Name()))
		total -= info.Size()
	}
}

// isCubinName reports whether a file's name is one that put gives: the folder
// may hold what is not ours to delete.
func isCubinName(name string) bool {
	key, rest, _ := strings.Cut(name, ".")
	_, err := hex.DecodeString(key)
	return err == nil && len(key) == 2*sha256.Size && (rest == "cubin" || strings.HasSuffix(rest, ".tmp"))
}
