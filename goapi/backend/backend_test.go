package backend

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func TestOpenByName(t *testing.T) {
	d, err := Open("go", Options{})
	if err != nil || d.Info().Name != "go" {
		t.Fatalf("Open(go) = %v, %v", d, err)
	}
	for _, name := range []string{"tpu", "cpu:1", "cuda:", "go:0", "CPU"} {
		_, err := Open(name, Options{})
		if !errors.Is(err, device.ErrUnavailable) || !errors.Is(err, device.ErrArgument) {
			t.Errorf("Open(%q): %v, want an unknown name", name, err)
		}
	}
	if _, err := Open("auto", Options{Threads: -1}); !errors.Is(err, device.ErrArgument) {
		t.Errorf("negative threads: %v", err)
	}
}

// A GPU that was asked for by name must not be replaced silently.
func TestCUDADoesNotFallBack(t *testing.T) {
	for _, name := range []string{"cuda", "cuda:0", "cuda:GPU-00000000"} {
		d, err := Open(name, Options{})
		if err == nil {
			t.Logf("this machine has %v", d.Info())
			d.Close()
			continue
		}
		var u *device.UnavailableError
		if !errors.As(err, &u) || u.Reason == "" {
			t.Errorf("Open(%q): %v, want a reason", name, err)
		}
	}
}

func TestAutoSaysWhatItPassedOver(t *testing.T) {
	missing := func(name, why string, absent bool) opener {
		return opener{name, func(string, Options) (device.Device, error) {
			return nil, &device.UnavailableError{Device: name, Reason: why, Absent: absent}
		}}
	}
	working := opener{"go", func(string, Options) (device.Device, error) { return device.Go(), nil }}

	d, err := openFirst([]opener{missing("cuda", "driver too old", false), missing("cpu", "no cgo", true), working}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// What is there and unfit is worth a warning, what is not there a note.
	if w := d.Info().Warnings; len(w) != 1 || w[0] != "passed over cuda: driver too old" {
		t.Errorf("warnings %q", w)
	}
	if n := d.Info().Notes; len(n) != 1 || n[0] != "passed over cpu: no cgo" {
		t.Errorf("notes %q", n)
	}
	if d.Info().Name != "go" {
		t.Errorf("opened %s", d.Info().Name)
	}
	if _, err := openFirst([]opener{missing("cuda", "no driver", true)}, Options{}); !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "no driver") {
		t.Errorf("nothing available: %v", err)
	}
	// A real failure, such as out of memory, is not a reason to fall back.
	broken := opener{"cuda", func(string, Options) (device.Device, error) { return nil, errors.New("device lost") }}
	if _, err := openFirst([]opener{broken, working}, Options{}); err == nil || errors.Is(err, device.ErrUnavailable) {
		t.Errorf("broken device: %v", err)
	}
}

func TestDevices(t *testing.T) {
	list := Devices()
	chosen := ""
	names := map[string]bool{}
	for _, c := range list {
		names[c.Name] = true
		if c.Reason == "" || c.Description == "" {
			t.Errorf("%s: no reason or description: %+v", c.Name, c)
		}
		if c.Chosen {
			if chosen != "" {
				t.Errorf("both %s and %s are chosen", chosen, c.Name)
			}
			chosen = c.Name
		}
	}
	if !names["go"] || !names["cpu"] {
		t.Errorf("the CPU devices are missing: %v", names)
	}
	d, err := Open("auto", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Info().Name != chosen {
		t.Errorf("auto opened %s, Devices chose %s", d.Info().Name, chosen)
	}
}

func ExampleOpen() {
	dev, err := Open("go", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dev.Close()
	fmt.Println(dev.Info().Backend)
	// Output: pure Go
}
