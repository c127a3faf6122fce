//go:build !linux

package cli

import "errors"

func mount(string) error { return errors.New("this system has no tmpfs") }

func unmount(string) error { return nil }
