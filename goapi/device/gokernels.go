package device

import (
	"math"
	"runtime"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// GoKernels are the kernels of the pure Go device, the reference for every
// other device: plain loops, and products and factorizations by blocks of our
// own, which on amd64 have innermost loops in Go assembly (the build tag purego
// leaves them out). Float32 factorizations run in float64.
type GoKernels[T Float] struct{}

var _ HostKernels[float32] = GoKernels[float32]{}

// Go opens the pure Go device, which is there on every machine.
func Go() Device {
	return NewHost(Info{
		Name:     "go",
		Backend:  "pure Go",
		Hardware: runtime.GOARCH,
		Threads:  runtime.GOMAXPROCS(0),
		Level:    "go",
		Library:  "gonum",
	}, GoKernels[float32]{}, GoKernels[float64]{}, nil)
}

var goBLAS gonum.Implementation

func blasTrans(t Trans) blas.Transpose {
	if t == Transp {
		return blas.Trans
	}
	return blas.NoTrans
}

func (GoKernels[T]) Gemm(tA, tB Trans, α T, a, b Dense[T], β T, c Dense[T]) {
	scale(β, c)
	if α == 0 {
		return
	}
	if c.Rows*c.Cols*a.Rows*a.Cols/max(1, c.Rows) <= smallFlops {
		smallProduct(tA, tB, α, a, b, c)
		return
	}
	product(tA, tB, α, a, b, c, false)
}

// Syrk computes the lower triangle; the other is made equal to it.
func (GoKernels[T]) Syrk(t Trans, α T, a Dense[T], β T, c Dense[T]) {
	scale(β, c)
	product(t, !t, α, a, a, c, true)
	mirror(c)
}

// mirror copies the lower triangle to the upper one, by tiles.
func mirror[T Float](c Dense[T]) {
	parallelRows((c.Rows+tile-1)/tile, tile*c.Cols/2, func(_, lo, hi int) {
		for i0 := lo * tile; i0 < min(hi*tile, c.Rows); i0 += tile {
			for j0 := i0; j0 < c.Rows; j0 += tile {
				for i := i0; i < min(i0+tile, c.Rows); i++ {
					for j := max(j0, i+1); j < min(j0+tile, c.Rows); j++ {
						c.Data[i*c.Stride+j] = c.Data[j*c.Stride+i]
					}
				}
			}
		}
	})
}

func (GoKernels[T]) Trsm(s Side, u Uplo, t Trans, α T, a, b Dense[T]) {
	if α != 1 {
		scale(α, b)
	}
	if α != 0 {
		solveTriangular(s, u, t, a, b)
	}
}

func (GoKernels[T]) Map(f Func, a, b Dense[T]) {
	φ := scalar(f)
	parallelRows(a.Rows, a.Cols*8, func(_, lo, hi int) { // a function costs about 8 additions
		for i := lo; i < hi; i++ {
			x, y := a.Row(i), b.Row(i)
			for j, v := range x {
				y[j] = T(φ(float64(v)))
			}
		}
	})
}

func (GoKernels[T]) MaxAbs(a Dense[T]) T {
	var out [1]T
	reduce(MaxAbs, Whole, a, out[:])
	return out[0]
}

func (GoKernels[T]) SumSquares(a Dense[T]) T {
	var out [1]T
	reduce(SumSquares, Whole, a, out[:])
	return out[0]
}

// scalar returns f as a function of one number.
func scalar(f Func) func(float64) float64 {
	switch f {
	case Abs:
		return math.Abs
	case Square:
		return func(x float64) float64 { return x * x }
	case Sqrt:
		return math.Sqrt
	case Inv:
		return func(x float64) float64 { return 1 / x }
	case Exp:
		return math.Exp
	case Log:
		return math.Log
	case Tanh:
		return math.Tanh
	case Relu:
		return func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return x
		}
	case Step:
		return func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x <= 0:
				return 0
			}
			return x
		}
	case Gelu:
		return func(x float64) float64 { return x * normalCDF(x) }
	case GeluPrime:
		return func(x float64) float64 { return normalCDF(x) + x*normalDensity(x) }
	case GeluSecond:
		return func(x float64) float64 { return (2 - x*x) * normalDensity(x) }
	case InfToZero:
		return func(x float64) float64 {
			if math.IsInf(x, 0) {
				return 0
			}
			return x
		}
	case Softplus:
		return func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	case Logistic:
		return func(x float64) float64 {
			if e := math.Exp(x); e < 1 { // exact far below 0
				return e / (1 + e)
			}
			return 1 / (1 + math.Exp(-x))
		}
	case Sin:
		return math.Sin
	case Cos:
		return math.Cos
	}
	return func(float64) float64 { return math.NaN() }
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func normalDensity(x float64) float64 {
	return math.Exp(-0.5*x*x) / math.Sqrt(2*math.Pi)
}

func (GoKernels[T]) SoftMin(Axis, T, Dense[T], []T, []T) bool                { return false }
func (GoKernels[T]) Gibbs(T, []T, []T, Dense[T], Dense[T]) bool              { return false }
func (GoKernels[T]) ScalingStep(Dense[T], []T, []T, []T, []T) bool           { return false }
func (GoKernels[T]) PairwiseCost(int, Dense[T], Dense[T], Dense[T]) bool     { return false }
func (GoKernels[T]) SoftMinPoints(int, T, Dense[T], Dense[T], []T, []T) bool { return false }
func (GoKernels[T]) SymMul(Dense[T], Dense[T], Dense[T]) bool                { return false }
func (GoKernels[T]) SymProduct(Dense[T], Dense[T], Dense[T]) bool            { return false }
func (GoKernels[T]) TallGram(Dense[T], Dense[float64]) (Dense[float64], bool) {
	return Dense[float64]{}, false
}
func (GoKernels[T]) TallMul(Dense[T], Dense[float64], Dense[float64], Dense[T], *TallCheck) bool {
	return false
}
func (GoKernels[T]) AdamStep(Adam[T], Dense[T], Dense[T], Dense[T], Dense[T]) bool { return false }
func (GoKernels[T]) MomentumStep(Momentum[T], Dense[T], Dense[T], Dense[T]) bool   { return false }
func (GoKernels[T]) TangentForward([]T, Dense[T], Dense[T], Dense[T]) bool         { return false }
func (GoKernels[T]) TangentBackward(Dense[T], Dense[T], Dense[T], Dense[T], Dense[T]) bool {
	return false
}
func (GoKernels[T]) ScaledSums(T, Dense[T], T, Dense[T], []T) bool { return false }
