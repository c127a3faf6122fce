package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writable reports what would keep the results of the flags, and what goes
// into further folders, from being written. It is asked before any work is
// done that would be lost.
func (c *common) writable(folders ...string) error {
	failures := []error{fileWritable(c.plot)}
	if c.toFile {
		failures = append(failures, fileWritable(c.output))
	} else {
		folders = append(folders, c.output)
	}
	for _, folder := range folders {
		failures = append(failures, folderWritable(folder))
	}
	return errors.Join(failures...)
}

// fileWritable reports whether a file can be written; "" is none. Its folder
// must be there.
func fileWritable(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a folder")}
	}
	return tryFolder(filepath.Dir(path))
}

// folderWritable reports whether files can be written in a folder, which may
// have to be made first.
func folderWritable(path string) error {
	if path == "" {
		return nil
	}
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "mkdir", Path: path, Err: errors.New(dir + " is a file")}
		}
		return tryFolder(dir)
	}
}

// tryFolder makes a file in a folder and removes it.
func tryFolder(dir string) error {
	file, err := os.CreateTemp(dir, ".ritz-*")
	if err != nil {
		if p := new(fs.PathError); errors.As(err, &p) {
			return &fs.PathError{Op: "write", Path: dir, Err: p.Err}
		}
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
