package hessianspectrum

import (
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// Rule says which eigenvalues are outliers.
type Rule string

const (
	// Threshold takes those above Share·λ_max.
	Threshold Rule = "threshold"
	// Gap takes those before the largest ratio of two successive eigenvalues
	// among the first Among.
	Gap Rule = "gap"
	// Edge takes those above Factor times the magnitude that the largest
	// (1-Quantile) part of the eigenvalues does not exceed.
	Edge Rule = "edge"
)

// Options of Analyze. The zero value is Threshold with 5 % of the largest
// eigenvalue.
type Options struct {
	Rule     Rule    // "" means Threshold
	Share    float64 // of Threshold; 0 means 0.05
	Among    int     // of Gap; 0 means a quarter of the eigenvalues, at most 100
	Quantile float64 // of Edge; 0 means 0.05
	Factor   float64 // of Edge; 0 means 10

	// Negligible is the share of λ_max in magnitude below which an eigenvalue
	// counts as zero for Index; 0 means 1e-6. Use 1e-3 for eigenvalues of
	// float32 matrices.
	Negligible float64
}

// bulkShare is the share of λ_max in magnitude below which an eigenvalue
// belongs to the bulk at zero.
const bulkShare = 1e-3

// Report is what a spectrum looks like.
type Report struct {
	Largest, Smallest float64
	Trace             float64
	Outliers          []float64 // descending
	Index             int       // number of eigenvalues below -Negligible·λ_max
	NegativeRatio     float64   // -λ_min/λ_max where λ_min is negative, else 0
	Bulk              float64   // share of the eigenvalues below λ_max/1000 in magnitude
	Rank              int       // number of eigenvalues above Negligible·λ_max in magnitude
}

// Analyze divides eigenvalues, in any order, into outliers and the rest. Where
// none is positive there are no outliers, and shares are those of the largest
// magnitude.
func Analyze(eigenvalues []float64, o Options) (*Report, error) {
	if err := device.CheckInput("eigenvalues", device.Vector(eigenvalues)); err != nil {
		return nil, err
	}
	o, err := o.complete(len(eigenvalues))
	if err != nil {
		return nil, err
	}
	w := slices.Clone(eigenvalues)
	slices.Sort(w)
	slices.Reverse(w)
	n := len(w)
	r := &Report{Largest: w[0], Smallest: w[n-1]}
	top := w[0]
	if top <= 0 {
		top = math.Abs(w[n-1])
	}
	for _, λ := range w {
		r.Trace += λ
		if λ < -o.Negligible*top {
			r.Index++
		}
		if math.Abs(λ) > o.Negligible*top {
			r.Rank++
		}
		if math.Abs(λ) <= bulkShare*top {
			r.Bulk += 1 / float64(n)
		}
	}
	if w[n-1] < 0 && top > 0 {
		r.NegativeRatio = -w[n-1] / top
	}
	r.Outliers = w[:o.outliers(w)]
	return r, nil
}

func (o Options) complete(n int) (Options, error) {
	if o.Rule == "" {
		o.Rule = Threshold
	}
	for _, d := range []struct {
		x *float64
		v float64
	}{{&o.Share, 0.05}, {&o.Quantile, 0.05}, {&o.Factor, 10}, {&o.Negligible, 1e-6}} {
		if *d.x == 0 {
			*d.x = d.v
		}
	}
	if o.Among == 0 {
		o.Among = min(100, max(1, n/4))
	}
	switch {
	case o.Rule != Threshold && o.Rule != Gap && o.Rule != Edge:
		return o, device.Argument("rule", "is %q, must be threshold, gap or edge", string(o.Rule))
	case !(o.Share > 0 && o.Share <= 1):
		return o, device.Argument("share", "is %v, must be above 0 and at most 1", o.Share)
	case o.Among < 1:
		return o, device.Argument("among", "is %d, must be at least 1", o.Among)
	case !(o.Quantile > 0 && o.Quantile < 1):
		return o, device.Argument("quantile", "is %v, must be between 0 and 1", o.Quantile)
	case !(o.Factor >= 1) || math.IsInf(o.Factor, 0):
		return o, device.Argument("factor", "is %v, must be at least 1", o.Factor)
	case !(o.Negligible > 0 && o.Negligible < 1):
		return o, device.Argument("negligible", "is %v, must be between 0 and 1", o.Negligible)
	}
	return o, nil
}

// outliers returns how many of the descending eigenvalues are outliers.
func (o Options) outliers(w []float64) int {
	above := func(limit float64) int {
		count := 0
		for count < len(w) && w[count] > max(0, limit) {
			count++
		}
		return count
	}
	switch o.Rule {
	case Gap:
		// Ratios among what is zero to rounding say nothing.
		positive := above(1e-12 * w[0])
		best, at := 1.0, 0
		for i := range min(o.Among, positive) {
			next := 1e-12 * w[0]
			if i+1 < len(w) {
				next = max(next, w[i+1])
			}
			if ratio := w[i] / next; ratio > best {
				best, at = ratio, i+1
			}
		}
		return at
	case Edge:
		size := make([]float64, len(w))
		for i, λ := range w {
			size[i] = math.Abs(λ)
		}
		slices.Sort(size)
		edge := size[int((1-o.Quantile)*float64(len(w)-1))]
		return above(o.Factor * edge)
	}
	return above(o.Share * w[0])
}
