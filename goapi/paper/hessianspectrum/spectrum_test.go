package hessianspectrum

import (
	"errors"
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/devices"
)

// The matrix of the products is the derivative of the gradient.
func TestAssembledHessian(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, data := problem(t, []int{6, devices.Size(dev, 7, 3), 5, 4}, 30)
		h := assemble(t, dev, net, data, hessian.Hessian)
		const step = 1e-5
		off := 0.0
		for j := range net.Theta {
			old := net.Theta[j]
			net.Theta[j] = old + step
			_, up, err := net.Gradient(t.Context(), device.Go(), data)
			if err != nil {
				t.Fatal(err)
			}
			net.Theta[j] = old - step
			_, down, err := net.Gradient(t.Context(), device.Go(), data)
			if err != nil {
				t.Fatal(err)
			}
			net.Theta[j] = old
			for i := range up {
				off = max(off, math.Abs((up[i]-down[i])/(2*step)-h.At(i, j)))
			}
		}
		if off > 1e-7*largest(h) {
			t.Errorf("off by %v of %v", off, largest(h))
		}
	})
}

// Sagun et al. 2017, decomposition H = G + F: G is positive semidefinite of
// rank at most n·(C-1).
func TestRankOfTheGaussNewtonMatrix(t *testing.T) {
	net, data := problem(t, []int{10, 8, 8, 3}, 25)
	g := assemble(t, device.Go(), net, data, hessian.GGN)
	w := eigenvalues(t, g)
	top := w[len(w)-1]
	rank := 0
	for _, λ := range w {
		if λ > 1e-9*top {
			rank++
		}
	}
	if w[0] < -1e-12*top || rank > 25*2 || rank < 45 {
		t.Errorf("smallest eigenvalue %v of %v, rank %d", w[0], top, rank)
	}
}

// The eigenvalues by inner products of samples are those of the matrix in
// parameter space, for both losses and all activations.
func TestGaussNewtonBySamples(t *testing.T) {
	for _, activation := range []nn.Activation{nn.Tanh, nn.Relu, nn.Gelu, nn.Identity} {
		for _, targets := range []bool{false, true} {
			onDevices(t, func(t *testing.T, dev device.Device) {
				c := devices.Size(dev, 10, 3)
				net, data := problem(t, []int{12, 20, c}, devices.Size(dev, 40, 8))
				net.Activation = activation
				if targets {
					y := device.NewDense[float64](data.X.Rows, c)
					for i, label := range data.Labels {
						y.Set(i, label, 1)
					}
					data = nn.Data[float64]{X: data.X, Targets: y}
				}
				got, err := GaussNewton(t.Context(), dev, net, data)
				if err != nil {
					t.Fatal(err)
				}
				want := eigenvalues(t, assemble(t, device.Go(), net, data, hessian.GGN))
				top := want[len(want)-1]
				slices.Reverse(got)
				slices.Reverse(want)
				for i := range max(len(got), len(want)) {
					var x, y float64
					if i < len(got) {
						x = got[i]
					}
					if i < len(want) {
						y = want[i]
					}
					if math.Abs(x-y) > 1e-12*top {
						t.Fatalf("%s, targets %v: eigenvalue %d is %v, by the matrix %v", activation, targets, i, x, y)
					}
				}
			})
		}
	}
}

// K distinct points have exactly K·(C-1) eigenvalues that are not zero,
// whatever the width; with a little noise they stay outliers.
func TestDistinctPointsMakeOutliers(t *testing.T) {
	for _, k := range []int{6, 10} {
		for _, width := range []int{8, 16} {
			rank, err := distinctPoints(t.Context(), device.Go(), k, width, 1)
			if err != nil || rank != 2*k {
				t.Errorf("%d points, width %d: rank %d, want %d (%v)", k, width, rank, 2*k, err)
			}
		}
	}
}

// The density by stochastic quadrature is near the spectrum: the first
// Wasserstein distance is below half a per cent of the range.
func TestQuadratureAgainstAllEigenvalues(t *testing.T) {
	net, data := problem(t, []int{30, 20, 5}, 60)
	h := assemble(t, device.Go(), net, data, hessian.Hessian)
	want := eigenvalues(t, h)
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	op, err := spectrum.Symmetric(q, h)
	if err != nil {
		t.Fatal(err)
	}
	slq, err := spectrum.SLQ(t.Context(), device.Go(), op, spectrum.SLQOptions{Probes: 20, Steps: 80, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	type mass struct{ at, weight float64 }
	var all []mass // the difference of the measures
	for i, nodes := range slq.Nodes {
		for j, at := range nodes {
			all = append(all, mass{at, slq.Weights[i][j] / float64(len(slq.Nodes))})
		}
	}
	for _, λ := range want {
		all = append(all, mass{λ, -1 / float64(len(want))})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].at < all[j].at })
	distance, sum := 0.0, 0.0
	for i, m := range all[:len(all)-1] {
		sum += m.weight
		distance += math.Abs(sum) * (all[i+1].at - m.at)
	}
	if span := want[len(want)-1] - want[0]; distance > 0.005*span {
		t.Errorf("distance %v of a range of %v", distance, span)
	}
}

func TestAnalyze(t *testing.T) {
	w := []float64{0, 1e-9, 10, -0.5, 8, 0.4, 1e-4, -1e-3, 6}
	for _, c := range []struct {
		o        Options
		outliers []float64
		index    int
		rank     int
	}{
		{Options{}, []float64{10, 8, 6}, 2, 7},
		{Options{Share: 0.03}, []float64{10, 8, 6, 0.4}, 2, 7},
		{Options{Rule: Gap, Among: 4}, []float64{10, 8, 6, 0.4}, 2, 7},
		{Options{Rule: Gap, Among: 3}, []float64{10, 8, 6}, 2, 7},
		{Options{Rule: Edge, Quantile: 0.4, Factor: 5}, []float64{10, 8, 6}, 2, 7},
		{Options{Negligible: 1e-2}, []float64{10, 8, 6}, 1, 5},
	} {
		r, err := Analyze(w, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Outliers, c.outliers) || r.Index != c.index || r.Rank != c.rank || r.Largest != 10 || r.Smallest != -0.5 ||
			r.NegativeRatio != 0.05 || math.Abs(r.Bulk-4.0/9) > 1e-15 || math.Abs(r.Trace-23.899100001) > 1e-12 {
			t.Errorf("%+v: %+v", c.o, *r)
		}
	}
	if r, err := Analyze([]float64{0, 0, 0}, Options{}); err != nil || len(r.Outliers) != 0 || r.Index != 0 || r.Rank != 0 || r.Bulk != 1 {
		t.Errorf("zeros: %+v, %v", r, err)
	}
	if r, err := Analyze([]float64{-1, -2}, Options{}); err != nil || len(r.Outliers) != 0 || r.Index != 2 || r.NegativeRatio != 1 {
		t.Errorf("negative: %+v, %v", r, err)
	}
}

// The loss between two networks; the ends are the networks themselves.
func TestLine(t *testing.T) {
	from, data := problem(t, []int{5, 6, 3}, 30)
	to, err := uniform([]int{5, 6, 3}, 9)
	if err != nil {
		t.Fatal(err)
	}
	line, err := Line(t.Context(), device.Go(), from, to, data, 11)
	if err != nil || len(line) != 11 {
		t.Fatal(len(line), err)
	}
	for i, net := range []*nn.Network[float64]{from, to} {
		m, err := net.Evaluate(t.Context(), device.Go(), data)
		if err != nil {
			t.Fatal(err)
		}
		if p := line[10*i]; p.Loss != m.Loss || p.Accuracy != m.Accuracy || p.T != float64(i) {
			t.Errorf("end %d: %+v, the network has %+v", i, p, *m)
		}
	}
	if b := Barrier([]Point{{0, 1, 0}, {0.5, 4, 0}, {1, 2, 0}}); b != 2 {
		t.Errorf("barrier %v", b)
	}
	if b := Barrier(nil); b != 0 {
		t.Errorf("barrier of nothing %v", b)
	}
}

// The same seed gives the same run, and gradient descent lowers the loss.
func TestDescent(t *testing.T) {
	run := func(d Descent) (float64, *nn.Network[float64]) {
		t.Helper()
		net, data := problem(t, []int{5, 6, 3}, 30)
		if err := d.Run(t.Context(), device.Go(), net, data); err != nil {
			t.Fatal(err)
		}
		m, err := net.Evaluate(t.Context(), device.Go(), data)
		if err != nil {
			t.Fatal(err)
		}
		return m.Loss, net
	}
	start, _ := run(Descent{Step: 0.1})
	if end, _ := run(Descent{Step: 0.1, Steps: 50}); !(end < start) {
		t.Errorf("loss from %v to %v", start, end)
	}
	_, a := run(Descent{Step: 0.1, Steps: 50, Batch: 7, Seed: 1})
	_, b := run(Descent{Step: 0.1, Steps: 50, Batch: 7, Seed: 1})
	_, c := run(Descent{Step: 0.1, Steps: 50, Batch: 7, Seed: 2})
	if !slices.Equal(a.Theta, b.Theta) || slices.Equal(a.Theta, c.Theta) {
		t.Error("the seed does not decide the run")
	}
	var visited []int
	run(Descent{Step: 0.1, Steps: 9, At: []int{3, 9}, Visit: func(step int, _ *nn.Network[float64]) error {
		visited = append(visited, step)
		return nil
	}})
	if !slices.Equal(visited, []int{0, 3, 9}) {
		t.Errorf("visited %v", visited)
	}
	net, data := problem(t, []int{5, 6, 3}, 30)
	net.Activation = nn.Relu
	if err := (Descent{Step: 1e30, Steps: 50}).Run(t.Context(), device.Go(), net, data); !errors.Is(err, device.ErrNotConverged) {
		t.Errorf("a step of 1e30: %v", err)
	}
}
