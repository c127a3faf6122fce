package spectrum

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// LOBPCGOptions are the options of LOBPCG.
type LOBPCGOptions struct {
	// K is the number of eigenpairs, at least 1; 3·K may not exceed the
	// dimension.
	K int

	// Which end: LargestAlgebraic, also "", or SmallestAlgebraic.
	Which Which

	// Tol is the residual to reach relative to the largest magnitude of the
	// iterates' Ritz values; 0 means 1e-8 (float32: 1e-5). Where these are
	// tiny beside the operator, ten rounding units of its size will do.
	Tol float64

	// Guard is the number of vectors beyond K that iterate with the others,
	// which then converge faster; 0 means max(2, K/4), less where the
	// dimension is small. Memory: six vectors for each of K+Guard, and twice
	// as many again for a moment.
	Guard int

	// MaxProducts bounds the number of products; 0 means 200·(K+Guard).
	MaxProducts int

	// Seed of the random start.
	Seed uint64

	// Progress, if not nil, is called after each iteration with the number
	// of converged pairs.
	Progress func(converged, products int)

	// State is where to go on from after an interruption, or with more
	// products or a smaller tolerance, with the same preconditioner.
	State State
}

func (o LOBPCGOptions) complete(n int, eps float64) (LOBPCGOptions, error) {
	if o.Which == "" {
		o.Which = LargestAlgebraic
	}
	tol, unusable := tolerance(o.Tol, 1e-8, eps)
	o.Tol = tol
	if o.Guard == 0 && o.K > 0 {
		o.Guard = max(min(max(2, o.K/4), n/3-o.K), 0)
	}
	if o.MaxProducts == 0 {
		o.MaxProducts = 200 * (o.K + o.Guard)
	}
	switch {
	case o.K < 1 || o.K > n/3 || o.Guard < 0 || o.Guard > n/3-o.K:
		return o, device.Argument("k", "is %d with a guard of %d: at least 1, and three times both at most the dimension %d; Eigs has no such limit", o.K, o.Guard, n)
	case o.Which != LargestAlgebraic && o.Which != SmallestAlgebraic:
		return o, device.Argument("which", "is %q, must be LA or SA", string(o.Which))
	case unusable != nil:
		return o, unusable
	case o.MaxProducts < 1:
		return o, device.Argument("max products", "is %d, must be positive", o.MaxProducts)
	}
	return o, nil
}

// LOBPCG computes the K eigenpairs of op at an end of its spectrum by the
// locally optimal block preconditioned conjugate gradient method (Knyazev,
// SIAM J. Sci. Comput. 2001), with an orthonormal basis of iterates, residuals
// and last changes (Hetmaniuk and Lehoucq, J. Comput. Phys. 2006). It takes
// more products than Eigs, unless a preconditioner helps: an operator that is
// near the inverse of op minus the wanted eigenvalues, positive definite, or
// nil. The rows of start, if it has any, are first iterates, such as the
// vectors of a similar operator.
//
// Errors are those of Eigs.
func LOBPCG[T device.Float](ctx context.Context, dev device.Device, op, preconditioner Operator[T], start device.Dense[T], o LOBPCGOptions) (*Eigen[T], error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	n := op.Dim()
	o, err := o.complete(n, device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	if err := checkGuess(start, n); err != nil {
		return nil, err
	}
	if preconditioner != nil {
		if err := checkOperator(preconditioner); err != nil {
			return nil, fmt.Errorf("preconditioner: %w", err)
		}
		if preconditioner.Dim() != n {
			return nil, &device.ShapeError{Op: "preconditioner", Detail: fmt.Sprintf("has dimension %d, the operator %d", preconditioner.Dim(), n)}
		}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	b := o.K + o.Guard
	l := &lobpcg[T]{q: q, op: op, m: preconditioner, o: o, n: n, b: b, s: q.Alloc(3*b, n), hs: q.Alloc(3*b, n)}
	l.kept = newKeeper[T](o.State, "LOBPCG", n, map[string]any{
		"k": o.K, "which": string(o.Which), "guard": o.Guard, "seed": o.Seed, "preconditioner": preconditioner != nil})
	if err := q.Sync(); err != nil { // no memory
		return nil, err
	}
	found, err := l.kept.resume(ctx, q, op, l.walk)
	if err != nil {
		return nil, err
	}
	if !found {
		if err := l.begin(ctx, start); err != nil {
			return nil, err
		}
	} else if l.exponent != 0 {
		l.op = scaled[T]{op, -l.exponent}
	}
	return l.solve(ctx)
}

// lobpcg holds the orthonormal rows s = [X; P; W] and the operator applied to
// them: iterates, last changes, and preconditioned residuals.
type lobpcg[T device.Float] struct {
	q        device.Queue[T]
	op, m    Operator[T]
	o        LOBPCGOptions
	n, b     int
	s, hs    device.Matrix[T]
	changes  int       // rows of P
	values   []float64 // of the iterates, the wanted ones first
	size     float64   // the largest magnitude of a Ritz value so far
	products int
	applied  int // of the preconditioner
	stream   uint64
	exponent int
	kept     *keeper[T]
}

// walk visits the state between two iterations.
func (l *lobpcg[T]) walk(st stored[T]) {
	stream := int(l.stream)
	for _, p := range []*int{&l.changes, &l.products, &l.applied, &l.exponent, &stream} {
		st.integer(p)
	}
	l.stream = uint64(stream)
	st.numbers(&l.values)
	size := []float64{l.size}
	st.numbers(&size)
	l.size = size[0]
	st.matrix(l.s.RowRange(0, l.b+l.changes))
	st.matrix(l.hs.RowRange(0, l.b+l.changes))
}

func (l *lobpcg[T]) solve(ctx context.Context) (*Eigen[T], error) {
	for {
		residuals, err := l.residuals()
		if err != nil {
			return nil, err
		}
		done, limit := 0, max(l.o.Tol*largestOf(l.values), 10*device.Epsilon[T]()*l.size)
		var active []int // the others have converged: their residuals bring nothing
		for i, r := range residuals {
			if r <= limit {
				if i < l.o.K {
					done++
				}
				continue
			}
			active = append(active, i)
		}
		if l.o.Progress != nil {
			l.o.Progress(done, l.products)
		}
		if few := l.products+len(active) > l.o.MaxProducts; done == l.o.K || few {
			if err := l.kept.save(l.q, l.walk); err != nil {
				return nil, err
			}
			if done < l.o.K {
				return l.result(ctx, device.ErrNotConverged)
			}
			return l.result(ctx, nil)
		}
		if err := l.kept.due(l.q, l.walk); err != nil {
			return nil, err
		}
		stream := l.stream
		if err := l.iterate(ctx, active); err != nil {
			l.stream = stream // what was interrupted will be done again
			return nil, l.kept.interrupted(ctx, err, l.q, l.walk)
		}
	}
}

// begin makes the first iterates Ritz vectors.
func (l *lobpcg[T]) begin(ctx context.Context, start device.Dense[T]) error {
	q, x, hx := l.q, l.s.RowRange(0, l.b), l.hs.RowRange(0, l.b)
	q.Random(device.Normal, l.o.Seed, 0, x)
	if rows := min(start.Rows, l.b); rows > 0 {
		q.Upload(x.RowRange(0, rows), start.Slice(0, rows, 0, l.n))
	}
	l.stream = 1
	if _, err := orthonormalizeRows(q, x.RowRange(0, 0), x, 0, l.o.Seed, &l.stream); err != nil {
		return err
	}
	if err := apply(ctx, q, l.op, hx, x, &l.products); err != nil {
		return err
	}
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, hx, out) })
	if err != nil {
		return err
	}
	if e := exponent[T](largest); e != 0 {
		l.op, l.exponent = scaled[T]{l.op, -e}, e
		multiply(q, hx, -e)
	}
	if err := checkSymmetry(q, hx, x); err != nil {
		return err
	}
	return l.rayleighRitz(l.b)
}

// residuals stores H·x - θ·x for the iterates in the last rows of s, and
// returns their norms.
func (l *lobpcg[T]) residuals() ([]float64, error) {
	defer l.q.Scope()()
	q, b := l.q, l.b
	r, d := l.s.RowRange(2*b, 3*b), l.q.Alloc(1, b)
	θ, host := make([]T, b), make([]T, b)
	for i := range θ {
		θ[i] = T(l.values[i])
	}
	q.Upload(d, device.Vector(θ))
	q.ScaleBy(device.PerRow, d, l.s.RowRange(0, b), r)
	q.Add(1, device.NoTrans, l.hs.RowRange(0, b), -1, device.NoTrans, r, r)
	q.Reduce(device.SumSquares, device.PerRow, r, d)
	q.Download(device.Vector(host), d)
	norms := make([]float64, b)
	err := q.Sync()
	for i, x := range host {
		norms[i] = math.Sqrt(float64(x))
	}
	return norms, err
}

// iterate adds the preconditioned residuals of the active iterates to the
// space and takes the best of it.
func (l *lobpcg[T]) iterate(ctx context.Context, active []int) error {
	q, b := l.q, l.b
	known := b + l.changes
	end := q.Scope()
	w := q.Alloc(len(active), l.n)
	for to, from := range active {
		q.Copy(w.Row(to), l.s.Row(2*b+from))
	}
	if l.m != nil {
		image := q.Alloc(len(active), l.n)
		if err := apply(ctx, q, l.m, image, w, &l.applied); err != nil {
			end()
			return fmt.Errorf("preconditioner: %w", err)
		}
		w = image
	}
	rows := l.s.RowRange(known, known+len(active))
	q.Copy(rows, w)
	end()
	// A row of which only rounding is left becomes a random one.
	tiny := 10 * device.Epsilon[T]() * math.Sqrt(float64(l.n)) * l.o.Tol * largestOf(l.values)
	if _, err := orthonormalizeRows(q, l.s.RowRange(0, known), rows, tiny, l.o.Seed, &l.stream); err != nil {
		return err
	}
	images := l.hs.RowRange(known, known+len(active))
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.op.Apply(ctx, q, images, rows); err != nil {
		return err
	}
	if err := l.rayleighRitz(known + len(active)); err != nil {
		return blame(q, images, l.products, err)
	}
	l.products += len(active)
	return nil
}

// rayleighRitz makes the best iterates of the first size rows, and the changes
// that led to them.
func (l *lobpcg[T]) rayleighRitz(size int) error {
	q, b := l.q, l.b
	end := q.Scope()
	c, host := q.Alloc(size, size), device.NewDense[T](size, size)
	q.Gemm(device.NoTrans, device.Transp, 1, l.s.RowRange(0, size), l.hs.RowRange(0, size), 0, c)
	q.Download(host, c)
	err := q.Sync()
	end()
	if err != nil {
		return err
	}
	sym := mat.NewSymDense(size, nil)
	for i := range size {
		for j := i; j < size; j++ {
			sym.SetSym(i, j, (float64(host.At(i, j))+float64(host.At(j, i)))/2)
		}
	}
	values, vectors := eigh(sym)
	if values[0] != values[0] {
		return &device.NotFiniteError{Name: "an inner product", Value: values[0]}
	}
	l.size = max(l.size, largestOf(values))
	order := l.o.Which.order(values)
	l.values = l.values[:0]
	for _, i := range order[:b] {
		l.values = append(l.values, values[i])
	}
	x := mat.NewDense(b, size, nil)
	for r, i := range order[:b] {
		for j := range size {
			x.Set(r, j, vectors.At(j, i))
		}
	}
	combined := x
	if size > b {
		combined = withChanges(x)
	}
	rows, _ := combined.Dims()
	l.changes = rows - b
	m := device.NewDense[T](rows, size)
	for i := range rows {
		for j := range size {
			m.Set(i, j, T(combined.At(i, j)))
		}
	}
	combineRows(q, m, l.s)
	combineRows(q, m, l.hs)
	return nil
}

// withChanges appends to the coordinates x of the new iterates those of their
// changes: what they have outside the old iterates, orthonormal to the new
// ones. Changes that are no directions of their own are left out.
func withChanges(x *mat.Dense) *mat.Dense {
	b, size := x.Dims()
	all := [][]float64{}
	for i := range b {
		all = append(all, mat.Row(nil, i, x))
	}
	for i := range b {
		p := mat.Row(nil, i, x)
		clear(p[:b])
		before := norm2(p)
		for range 2 {
			for _, y := range all {
				dot := 0.0
				for j, v := range p {
					dot += v * y[j]
				}
				for j := range p {
					p[j] -= dot * y[j]
				}
			}
		}
		if left := norm2(p); left > 1e-8*before && left > 0 {
			for j := range p {
				p[j] /= left
			}
			all = append(all, p)
		}
	}
	m := mat.NewDense(len(all), size, nil)
	for i, row := range all {
		m.SetRow(i, row)
	}
	return m
}

func norm2(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v * v
	}
	return math.Sqrt(s)
}

// result returns the wanted pairs with residuals from products with the
// iterates themselves: the images have gone through every combination.
func (l *lobpcg[T]) result(ctx context.Context, failure error) (*Eigen[T], error) {
	x, hx := l.s.RowRange(0, l.o.K), l.hs.RowRange(0, l.o.K)
	if err := apply(ctx, l.q, l.op, hx, x, &l.products); err != nil {
		return nil, err
	}
	order := make([]int, l.o.K)
	for i := range order {
		order[i] = i
	}
	e, worst, err := pairsOf(l.q, x, hx, l.values, order)
	if err != nil {
		return nil, err
	}
	e.Products = l.products
	if err := e.unscale(l.exponent); err != nil {
		return nil, err
	}
	if failure != nil {
		return e, &device.NotConvergedError{Method: "LOBPCG", Iterations: l.products, Achieved: worst / largestOf(l.values), Wanted: l.o.Tol}
	}
	return e, nil
}
