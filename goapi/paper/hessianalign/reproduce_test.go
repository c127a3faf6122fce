package hessianalign

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/ritz-go/ritz/goapi/backend"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Hemati et al. 2023, Coloured MNIST: aligning gradients and Hessians
// generalizes where risk minimization follows the colour, and brings the
// Hessians of the domains together. Half of the images of the default reproduction and
// half its units.
func TestAlignmentGeneralizesToReversedColours(t *testing.T) {
	if testing.Short() {
		t.Skip("trains two networks for 501 steps on 4,000 images")
	}
	training, test, err := paper.Digits[float32](paper.Options{Data: "../../../tests/data"})
	if err != nil {
		t.Fatal(err)
	}
	all := coloured(training, test, 2000, 0)
	// One thread: the products are too small for more on a busy machine.
	dev, err := backend.Open("cpu", backend.Options{Threads: 1})
	if errors.Is(err, device.ErrUnavailable) {
		t.Skip("pure Go would take minutes: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	erm, err := train(t.Context(), dev, all, 64, Penalty{Kind: None}, 0)
	if err != nil {
		t.Fatal(err)
	}
	hgp, err := train(t.Context(), dev, all, 64, Penalty{Kind: HGP, Alpha: 1, Beta: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ERM %+v, HGP %+v", *erm, *hgp)
	if erm.train < 0.9 || erm.test > 0.3 {
		t.Errorf("ERM: accuracy %v in training, %v in the test", erm.train, erm.test)
	}
	if hgp.test < erm.test+0.2 || hgp.distance > erm.distance/4 {
		t.Errorf("HGP: accuracy %v, distance %v; ERM: %v, %v", hgp.test, hgp.distance, erm.test, erm.distance)
	}
}

// Colours and labels are what the experiment says.
func TestColouredDigits(t *testing.T) {
	training, test, err := paper.Digits[float32](paper.Options{Data: "../../../tests/data"})
	if err != nil {
		t.Fatal(err)
	}
	for e, env := range coloured(training, test, 4000, 1) {
		n := float64(len(env.labels))
		wrong, noisy := 0.0, 0.0
		for i, label := range env.labels {
			var colour [2]float32
			for k, v := range env.x.Row(i) {
				colour[k/196] += v
			}
			if colour[0] > 0 == (colour[1] > 0) {
				t.Fatalf("image %d has the colours %v", i, colour)
			}
			if (colour[1] > 0) != (label == 1) {
				wrong++
			}
			digit := test
			at := i
			if e < 2 {
				digit, at = training, e+2*i
			}
			if (digit.Labels[at] < 5) != (label == 1) {
				noisy++
			}
		}
		// Five standard deviations of a share of 2,000.
		if d := wrong/n - colourNoise[e]; d*d > 25*0.25/n {
			t.Errorf("domain %d: %v of the colours are wrong", e, wrong/n)
		}
		if d := noisy/n - labelNoise; d*d > 25*0.25/n {
			t.Errorf("domain %d: %v of the labels are", e, noisy/n)
		}
	}
}

func TestReproduceRefuses(t *testing.T) {
	if _, err := Reproduce(t.Context(), device.Go(), paper.Options{Data: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without data: %v", err)
	}
	if _, err := Reproduce(refusal.After(3), device.Go(), paper.Options{Data: "../../../tests/data"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
