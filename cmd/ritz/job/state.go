package job

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ritz-go/ritz/goapi/matio"
)

// record is what a finished task leaves in task.json: enough to see later that
// the same task was run on the same inputs, and that its files are still those
// it wrote.
type record struct {
	Definition string            `json:"definition"` // hash of the command line and the inputs
	Code       int               `json:"code"`
	Files      map[string]string `json:"files"` // SHA-256 of every file
	Result     json.RawMessage   `json:"result"`
	Check      string            `json:"check"` // SHA-256 of the above
}

const recordName = "task.json"

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// hash returns the SHA-256 of a file.
func hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// inputs remembers the hashes of input files, which many tasks may share, also
// at the same time: each is read once. An input that cannot be read has the
// hash "", and the task will say why.
type inputs struct {
	sync.Mutex
	known map[string]func() string
}

func (in *inputs) hash(path string) string {
	in.Lock()
	sum, ok := in.known[path]
	if !ok {
		sum = sync.OnceValue(func() string {
			sum, _ := hash(path)
			return sum
		})
		in.known[path] = sum
	}
	in.Unlock()
	return sum()
}

// hashes returns the hash of every file below dir.
func hashes(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(dir, recordName) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files[filepath.ToSlash(name)], err = hash(path)
		}
		return err
	})
	return files, err
}

// finished returns the record of a task whose results are in dir, if they are
// of the same definition and unchanged.
func finished(dir, definition string) (*record, error) {
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	switch sum, err := r.sum(); {
	case err != nil:
		return nil, err
	case sum != r.Check:
		return nil, fmt.Errorf("%s has changed", recordName)
	case r.Definition != definition:
		return nil, errors.New("the task has changed")
	}
	now, err := hashes(dir)
	if err != nil {
		return nil, err
	}
	for name, sum := range r.Files {
		if now[name] != sum {
			return nil, fmt.Errorf("%s has changed", name)
		}
	}
	return &r, nil
}

// sum returns the hash of a record but for its check.
func (r record) sum() (string, error) {
	var flat bytes.Buffer
	if err := json.Compact(&flat, r.Result); err != nil {
		return "", err
	}
	r.Result, r.Check = flat.Bytes(), ""
	data, err := json.Marshal(r)
	return digest(string(data)), err
}

// keep completes the results in the folder partial and moves them to final.
// Nothing in between has a part of them under that name: earlier results move
// away as a whole.
func (r *record) keep(partial, final string) error {
	var err error
	if r.Files, err = hashes(partial); err != nil {
		return err
	}
	if r.Check, err = r.sum(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	err = matio.WriteFile(filepath.Join(partial, recordName), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	old := earlier(final)
	if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(partial, final); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// partial and earlier are the names of the results of a task that are being
// written, and of those that are being replaced.
func partial(final string) string { return hidden(final, "partial") }
func earlier(final string) string { return hidden(final, "earlier") }

func hidden(final, kind string) string {
	return filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+"."+kind)
}
