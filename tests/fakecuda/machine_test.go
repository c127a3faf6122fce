//go:build cgo && linux && !nocuda

package fakecuda

import (
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
)

// NVML and CUDA number the GPUs differently and agree on their UUIDs.
func TestVisibleDevices(t *testing.T) {
	t.Setenv("RITZ_CUDA_LIBDIR", Prepare(t, Options{Machine: "devices=3"}))
	t.Setenv("CUDA_VISIBLE_DEVICES", "2,0")
	m, err := cusolver.Probe()
	if err != nil {
		t.Fatal(err)
	}
	var ordinals []int
	for _, g := range m.GPUs {
		ordinals = append(ordinals, g.Ordinal)
	}
	if len(ordinals) != 3 || ordinals[0] != 1 || ordinals[1] != -1 || ordinals[2] != 0 {
		t.Errorf("ordinals in NVML's order are %v", ordinals)
	}
}

// Of a split GPU a process sees one instance.
func TestMIG(t *testing.T) {
	o := Options{Machine: "mig=2"}
	folder := Prepare(t, o)
	t.Setenv("RITZ_CUDA_LIBDIR", folder)
	m, err := cusolver.Probe()
	if err != nil {
		t.Fatal(err)
	}
	usable := m.Usable()
	if len(m.GPUs) != 3 || len(usable) != 1 || !strings.HasPrefix(usable[0].UUID, "MIG-") {
		t.Fatalf("GPUs %v, usable %v", m.GPUs, usable)
	}
	d := Open(t, o)
	if _, err := job(d); err != nil {
		t.Error(err)
	}
}
