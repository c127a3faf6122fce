package matio

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What WriteTensors writes comes back, metadata and all, and each array is
// asked for when the one before it is done with.
func TestWriteTensors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	order := ""
	array := func(name string, shape []int, data ...float32) Deferred[float32] {
		return Deferred[float32]{name, shape, func() ([]float32, error) {
			order += name
			return data, nil
		}}
	}
	meta := map[string]string{"steps": "7", "note": "\"quoted\" ε"}
	err := WriteTensors(path, []Deferred[float32]{
		array("b", []int{2, 1, 2}, 1, 2, 3, 4), array("a", nil, 5), array("c", []int{0, 3}), array("d", []int{1}, -0x1p-149),
	}, meta)
	if err != nil || order != "bacd" {
		t.Fatalf("error %v, order %q", err, order)
	}
	f, err := Open(path)
	if err != nil || !maps.Equal(f.Metadata, meta) {
		t.Fatalf("error %v, metadata %v", err, f.Metadata)
	}
	for i, want := range []struct {
		name  string
		shape []int
		data  []float32
	}{{"a", []int{}, []float32{5}}, {"b", []int{2, 1, 2}, []float32{1, 2, 3, 4}}, {"c", []int{0, 3}, nil}, {"d", []int{1}, []float32{-0x1p-149}}} {
		a, err := Read[float32](f, i)
		m := f.Members[i]
		if err != nil || m.Name != want.name || m.DType != Float32 || !slices.Equal(a.Shape, want.shape) || !slices.Equal(a.Data, want.data) {
			t.Errorf("%+v: %v %v, error %v", m, a.Shape, a.Data, err)
		}
	}
}

// What cannot be written leaves the file that was there.
func TestWriteTensorsRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no numbers")
	ones := func(n int) func() ([]float64, error) {
		return func() ([]float64, error) { return make([]float64, n), nil }
	}
	good := Deferred[float64]{"good", []int{2}, ones(2)}
	for name, bad := range map[string]Deferred[float64]{
		"same name":      {"good", []int{2}, ones(2)},
		"reserved name":  {"__metadata__", []int{2}, ones(2)},
		"too few":        {"a", []int{3}, ones(2)},
		"negative shape": {"a", []int{-1}, ones(1)},
		"huge shape":     {"a", []int{1 << 40, 1 << 40}, ones(1)},
		"no function":    {"a", []int{2}, nil},
		"failure":        {"a", []int{2}, func() ([]float64, error) { return nil, failure }},
	} {
		err := WriteTensors(path, []Deferred[float64]{good, bad}, nil)
		if err == nil || name == "failure" && !errors.Is(err, failure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := WriteTensors(filepath.Join(dir, "a.npz"), []Deferred[float64]{good}, nil); err == nil {
		t.Error("an .npz file was written")
	}
	left, err := os.ReadDir(dir)
	if data, _ := os.ReadFile(path); err != nil || len(left) != 1 || string(data) != "before" {
		t.Errorf("%d files are left, the first with %q", len(left), data)
	}
}

func TestMetadataMalformed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	header := `{"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	if err := os.WriteFile(path, append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header+"\x00\x00\x80?"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.As(err, new(*FormatError)) {
		t.Errorf("metadata with a number: %v", err)
	}
}
