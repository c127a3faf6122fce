package fakecuda

import "testing"

func TestBuild(t *testing.T) {
	for _, v := range Versions {
		folder, err := Build(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Build(v)
		if err != nil || again != folder {
			t.Errorf("second build in %s, %v; first in %s", again, err, folder)
		}
	}
	if _, err := Build("9.0"); err == nil {
		t.Error("a version that is not emulated was built")
	}
}
