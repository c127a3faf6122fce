package backend

import (
	"slices"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
)

// GPUs stand in the order in which auto would take them.
func TestGPUOrder(t *testing.T) {
	list := []cusolver.GPU{
		{UUID: "old", FreeMemory: 90, Ordinal: -1},
		{UUID: "little", FreeMemory: 10, Ordinal: 0, Usable: true},
		{UUID: "later", FreeMemory: 80, Ordinal: 3, Usable: true},
		{UUID: "large", FreeMemory: 80, Ordinal: 1, Usable: true},
		{UUID: "hidden", FreeMemory: 99, Ordinal: -1},
		{UUID: "unknown", Ordinal: 2, Usable: true},
	}
	slices.SortStableFunc(list, better)
	var got []string
	for _, g := range list {
		got = append(got, g.UUID)
	}
	if want := []string{"large", "later", "little", "unknown", "old", "hidden"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
