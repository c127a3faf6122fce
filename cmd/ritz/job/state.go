package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ritz-go/ritz/goapi/matio"
)

// record is what a finished task leaves in task.json: enough to see later that
// the same task was run and that its files are still those it wrote.
type record struct {
	Definition string            `json:"definition"` // hash of the command line
	Code       int               `json:"code"`
	Files      map[string]string `json:"files"` // SHA-256 of every file
	Result     json.RawMessage   `json:"result"`
}

const recordName = "task.json"

// definition identifies a task by its command line and the version.
func definition(args []string, version string) string {
	sum := sha256.Sum256([]byte(version + "\x00" + strings.Join(args, "\x00")))
	return hex.EncodeToString(sum[:])
}

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

// hashes returns the hash of every file below dir.
func hashes(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == recordName {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files[name], err = hash(path)
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
	if r.Definition != definition {
		return nil, fmt.Errorf("the task has changed")
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

// keep completes the results in the folder partial and moves them to final.
func (r *record) keep(partial, final string) error {
	var err error
	if r.Files, err = hashes(partial); err != nil {
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
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	return os.Rename(partial, final)
}
