package svd

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Spectrum holds the singular values of a matrix, descending, and answers what
// can be read off them. The zero matrix has rank, stable rank and effective
// rank 0.
type Spectrum struct {
	Values []float64 // in float64, whatever the matrix was computed in
	M, N   int       // shape of the matrix; there may be fewer values than min(M,N)

	eps float64 // of the type the values were computed in
}

// NewSpectrum returns the spectrum of an m×n matrix from its singular values,
// which are copied. Errors: *device.ShapeError unless there are between 1 and
// min(m,n) of them, *device.NotFiniteError, *device.ArgumentError for values
// that are negative or not descending.
func NewSpectrum[T device.Float](s []T, m, n int) (*Spectrum, error) {
	if len(s) == 0 || len(s) > min(m, n) {
		return nil, &device.ShapeError{Op: "spectrum", Detail: fmt.Sprintf("%d singular values cannot be those of a %d×%d matrix", len(s), m, n)}
	}
	p := &Spectrum{Values: make([]float64, len(s)), M: m, N: n, eps: device.Epsilon[T]()}
	for i, v := range s {
		x := float64(v)
		switch {
		case x-x != 0:
			return nil, &device.NotFiniteError{Name: "singular values", Col: i, Value: x}
		case x < 0 || i > 0 && x > p.Values[i-1]:
			return nil, device.Argument("singular values", "are %v in place %d, must be descending and not negative", x, i)
		}
		p.Values[i] = x
	}
	return p, nil
}

// Tolerance returns max(M,N)·eps·σ₁, below which a singular value cannot be
// told from zero; eps is that of the type the values were computed in.
func (p *Spectrum) Tolerance() float64 { return float64(max(p.M, p.N)) * p.eps * p.Values[0] }

// Rank returns the number of singular values above tol; 0 means Tolerance.
func (p *Spectrum) Rank(tol float64) int {
	if tol == 0 {
		tol = p.Tolerance()
	}
	r := 0
	for r < len(p.Values) && p.Values[r] > tol {
		r++
	}
	return r
}

// Condition returns the largest singular value over the smallest of those
// given, +Inf if that is zero.
func (p *Spectrum) Condition() float64 {
	least := p.Values[len(p.Values)-1]
	if least == 0 {
		return math.Inf(1)
	}
	return p.Values[0] / least
}

// Spectral returns the spectral norm σ₁.
func (p *Spectrum) Spectral() float64 { return p.Values[0] }

// Frobenius returns the Frobenius norm √Σσ².
func (p *Spectrum) Frobenius() float64 { return power(p.Values, 2) }

// Nuclear returns the nuclear norm Σσ.
func (p *Spectrum) Nuclear() float64 { return power(p.Values, 1) }

// Schatten returns the Schatten norm (Σσ^q)^(1/q), q ≥ 1; +Inf gives the
// spectral norm. Smaller q are a *device.ArgumentError.
func (p *Spectrum) Schatten(q float64) (float64, error) {
	if !(q >= 1) {
		return 0, device.Argument("q", "is %v, must be at least 1 for a norm", q)
	}
	return power(p.Values, q), nil
}

// KyFan returns the Ky Fan norm, the sum of the k largest singular values. A
// *device.ArgumentError unless there are so many.
func (p *Spectrum) KyFan(k int) (float64, error) {
	if k < 1 || k > len(p.Values) {
		return 0, device.Argument("k", "is %d, must be between 1 and %d", k, len(p.Values))
	}
	return power(p.Values[:k], 1), nil
}

// TailError returns the spectral and the Frobenius norm of what the best
// approximation of rank k leaves: σ of k+1, and √Σσ² over those behind k
// (Eckart, Young and Mirsky). Without all min(M,N) values they are lower
// bounds. A negative k is a *device.ArgumentError.
func (p *Spectrum) TailError(k int) (spectral, frobenius float64, err error) {
	switch {
	case k < 0:
		return 0, 0, device.Argument("k", "is %d, must not be negative", k)
	case k >= len(p.Values):
		return 0, 0, nil
	}
	tail := p.Values[k:]
	return tail[0], power(tail, 2), nil
}

// StableRank returns ‖A‖_F²/‖A‖₂².
func (p *Spectrum) StableRank() float64 {
	if p.Values[0] == 0 {
		return 0
	}
	r := p.Frobenius() / p.Values[0]
	return r * r
}

// EffectiveRank returns the exponential of the entropy of the singular values
// divided by their sum (Roy and Vetterli, EUSIPCO 2007): k for k equal ones.
func (p *Spectrum) EffectiveRank() float64 {
	sum := p.Nuclear()
	if sum == 0 {
		return 0
	}
	entropy := 0.0
	for _, v := range p.Values {
		if w := v / sum; w > 0 {
			entropy -= w * math.Log(w)
		}
	}
	return math.Exp(entropy)
}

// power returns (Σx^q)^(1/q) for descending x ≥ 0, safe from overflow and
// underflow of the powers.
func power(x []float64, q float64) float64 {
	top := x[0]
	if top == 0 || math.IsInf(q, 1) {
		return top
	}
	sum := 0.0
	for i := len(x) - 1; i >= 0; i-- { // small terms first
		sum += math.Pow(x[i]/top, q)
	}
	return top * math.Pow(sum, 1/q)
}

// PowerLaw is the law σᵢ ≈ Scale·i^(-Exponent) fitted to a spectrum.
type PowerLaw struct {
	Exponent float64
	StdErr   float64 // standard error of Exponent; NaN for two values
	Scale    float64
	Count    int // number of values in the fit
}

// PowerLaw fits a power law to the singular values above floor, by least
// squares between the logarithms of values and of their places, each place
// counting once; 0 means Tolerance, the noise of rounding. Fewer than two
// values, or a negative floor, are a *device.ArgumentError.
func (p *Spectrum) PowerLaw(floor float64) (PowerLaw, error) {
	if floor < 0 || floor != floor {
		return PowerLaw{}, device.Argument("floor", "is %v, must not be negative", floor)
	}
	n := p.Rank(floor)
	if n < 2 {
		return PowerLaw{}, device.Argument("floor", "leaves %d singular values, at least 2 are needed for a power law", n)
	}
	meanX, meanY := 0.0, 0.0
	for i, v := range p.Values[:n] {
		meanX += math.Log(float64(i+1)) / float64(n)
		meanY += math.Log(v) / float64(n)
	}
	xx, xy := 0.0, 0.0
	for i, v := range p.Values[:n] {
		x := math.Log(float64(i+1)) - meanX
		xx += x * x
		xy += x * (math.Log(v) - meanY)
	}
	slope := xy / xx
	rest := 0.0
	for i, v := range p.Values[:n] {
		d := math.Log(v) - meanY - slope*(math.Log(float64(i+1))-meanX)
		rest += d * d
	}
	law := PowerLaw{Exponent: -slope, StdErr: math.NaN(), Scale: math.Exp(meanY - slope*meanX), Count: n}
	if n > 2 {
		law.StdErr = math.Sqrt(rest / float64(n-2) / xx)
	}
	return law, nil
}
