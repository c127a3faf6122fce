package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// A decomposition by passes is accurate for its passes, true in its
// certificate, and the same in whatever blocks the rows come.
func TestStream(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testStream[float64], testStream[float32])
	})
}

func testStream[T device.Float](t *testing.T, dev device.Device) {
	const k = 8
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{400, 60}, {60, 400}, {90, 90}} {
		n := min(shape[0], shape[1])
		spectrum := logspace(n, 0, -9)
		a := withSpectrum[T](51, shape[0], shape[1], spectrum)
		square, best := 0.0, 0.0
		for i, s := range spectrum {
			square += s * s
			if i >= k {
				best += s * s
			}
		}
		best = math.Sqrt(best / square)
		for passes, excess := range map[int]float64{1: 3, 2: 1.01, 3: 1.0001, 4: 1.0001} {
			name := fmt.Sprintf("%v, %d passes", shape, passes)
			source := &counted[T]{RowBlocks: Rows(a)}
			r, err := Stream(ctx, dev, source, StreamOptions{Rank: k, Passes: passes, Seed: 9})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if source.passes != passes {
				t.Errorf("%s: read %d times", name, source.passes)
			}
			residual, orthU, orthV := trueErrors(a, r)
			if limit := 20 * eps * math.Sqrt(float64(max(shape[0], shape[1]))); orthU > limit || orthV > limit {
				t.Errorf("%s: orthogonality %.3g and %.3g", name, orthU, orthV)
			}
			if residual > excess*best+100*eps {
				t.Errorf("%s: residual %.6g, best %.6g", name, residual, best)
			}
			// Ten probes know the size within a factor of two or three; the
			// difference of norms is exact.
			if c := r.Certificate.Residual; passes > 1 && math.Abs(c-residual) > 1e-3*residual+100*eps || c < residual/3 || c > 3*residual {
				t.Errorf("%s: certified residual %.6g, true %.6g", name, c, residual)
			}
			for i, s := range r.S {
				if d := math.Abs(float64(s) - spectrum[i]); d > r.Certificate.ErrorBound+10*eps {
					t.Errorf("%s: σ%d off by %.3g, certified %.3g", name, i+1, d, r.Certificate.ErrorBound)
				}
			}
			// A budget that makes for small blocks changes the order of sums alone.
			source = &counted[T]{RowBlocks: Rows(a)}
			small, err := Stream(ctx, dev, source, StreamOptions{Rank: k, Passes: passes, Seed: 9, Memory: tight(Rows(a), k, passes)})
			if err != nil {
				t.Errorf("%s, tight: %v", name, err)
				continue
			}
			if source.blocks < 5*passes {
				t.Errorf("%s, tight: %d blocks alone", name, source.blocks)
			}
			same := 100 * eps
			if passes > 2 { // the budget may hold the last block of the space alone
				same += 1e-8
			}
			for i := range r.S {
				if d := math.Abs(float64(r.S[i] - small.S[i])); d > same {
					t.Errorf("%s, tight: σ%d differs by %.3g", name, i+1, d)
				}
			}
		}
		all, err := Stream(ctx, dev, Rows(a), StreamOptions{Vectors: None, Memory: int64(16 * shape[1] * (8*shape[1] + 5*shape[0]/8))})
		if err != nil {
			t.Errorf("%v: %v", shape, err)
			continue
		}
		for i, s := range all.S {
			// Some blocks, each a backward stable QR factorization.
			if d := math.Abs(float64(s) - spectrum[i]); d > all.Certificate.ErrorBound || len(all.S) != n {
				t.Errorf("%v, all values: σ%d of %d off by %.3g, certified %.3g", shape, i+1, len(all.S), d, all.Certificate.ErrorBound)
			}
		}
	}
}

// Of a flat spectrum every sketch misses nearly all, and probes of what it
// misses overestimate that by the root of the dimension. The bound stays within
// what the norm of the matrix allows, and below the true error never.
func TestStreamOfFlatSpectrum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testFlatStream[float64], testFlatStream[float32])
	})
}

func testFlatStream[T device.Float](t *testing.T, dev device.Device) {
	const m, n, k = 260, 180, 5
	spectra := map[string][]float64{"flat": make([]float64, n), "two levels": make([]float64, n)}
	for i := range n {
		spectra["flat"][i] = 7
		spectra["two levels"][i] = 7
		if i >= 3 {
			spectra["two levels"][i] = 6
		}
	}
	for name, spectrum := range spectra {
		a := withSpectrum[T](53, m, n, spectrum)
		for passes := 1; passes <= 4; passes++ {
			for _, small := range []bool{false, true} {
				o := StreamOptions{Rank: k, Passes: passes, Seed: 3}
				if small { // perhaps for the last block of the space alone
					o.Memory = tight(Rows(a), k, passes)
				}
				r, err := Stream(ctx, dev, Rows(a), o)
				if err != nil {
					t.Fatal(err)
				}
				factor := math.Sqrt(n)
				if passes > 1 {
					factor = math.Pow(math.Pow(10, 10.0/(k+10))*math.Sqrt(n), 1/float64(2*passes-1))
				}
				if c := r.Certificate.ErrorBound; c > 1.05*factor*7 {
					t.Errorf("%s, %d passes: bound %.3g, the norm is 7 and the factor %.3g", name, passes, c, factor)
				}
				for i, s := range r.S {
					if d := math.Abs(float64(s) - spectrum[i]); d > r.Certificate.ErrorBound {
						t.Errorf("%s, %d passes: σ%d off by %.3g, certified %.3g", name, passes, i+1, d, r.Certificate.ErrorBound)
					}
				}
			}
		}
	}
}

// Progress is told of all rows of every pass, block by block.
func TestStreamProgress(t *testing.T) {
	const m = 600
	source := Rows(normal[float64](57, m, 40))
	for _, o := range []StreamOptions{{Rank: 2, Passes: 1}, {Rank: 2}, {Vectors: None}} {
		o.Memory = 1 << 19
		last := [2]int{1, 0}
		o.Progress = func(pass, rows int) {
			if last[1] == m && pass == last[0]+1 {
				last = [2]int{pass, 0}
			}
			if pass != last[0] || rows <= last[1] || rows > m {
				t.Errorf("%+v: pass %d, %d rows after pass %d, %d rows", o.Rank, pass, rows, last[0], last[1])
			}
			last = [2]int{pass, rows}
		}
		if _, err := Stream(ctx, device.Go(), source, o); err != nil {
			t.Fatal(err)
		}
		want := max(1, o.Passes)
		if o.Passes == 0 && o.Rank > 0 {
			want = 3
		}
		if last != [2]int{want, m} {
			t.Errorf("%+v: ends in pass %d with %d rows", o.Rank, last[0], last[1])
		}
	}
}

// counted counts how often and in how many blocks a source is read.
type counted[T device.Float] struct {
	RowBlocks[T]
	passes, blocks int
}

func (c *counted[T]) Each(ctx context.Context, most int, f func(int, []T) error) error {
	c.passes++
	return c.RowBlocks.Each(ctx, most, func(first int, data []T) error {
		c.blocks++
		return f(first, data)
	})
}

// tight returns a budget for blocks of at most a tenth of the rows.
func tight[T device.Float](source RowBlocks[T], k, passes int) int64 {
	m, _ := source.Dims()
	most := int64(1) << 40
	least := int64(1)
	for most-least > 8 {
		try := (most + least) / 2
		o := StreamOptions{Rank: k, Passes: passes, Memory: try}
		rows := 0
		_, err := Stream(ctx, device.Go(), probing[T]{source, &rows}, o)
		if errors.Is(err, device.ErrArgument) || rows < m/10 {
			least = try
		} else {
			most = try
		}
	}
	return least
}

// probing stops at once and tells the size of the blocks that it was asked for.
type probing[T device.Float] struct {
	RowBlocks[T]
	rows *int
}

func (p probing[T]) Each(_ context.Context, most int, _ func(int, []T) error) error {
	*p.rows = most
	return context.Canceled
}

// faulty gives rows that do not fit its shape.
type faulty[T device.Float] struct {
	RowBlocks[T]
	first, rows int
}

func (s faulty[T]) Each(_ context.Context, _ int, f func(int, []T) error) error {
	_, n := s.Dims()
	return f(s.first, make([]T, s.rows*n))
}

func TestStreamRefusals(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testStreamRefusals[float64], testStreamRefusals[float32])
	})
}

func testStreamRefusals[T device.Float](t *testing.T, dev device.Device) {
	good := normal[T](61, 50, 20)
	source := Rows(good)
	with := func(v float64) RowBlocks[T] {
		a := good.Clone()
		a.Set(43, 2, T(v))
		return Rows(a)
	}
	tiny := good.Clone()
	for i := range tiny.Data {
		tiny.Data[i] = T(math.Ldexp(float64(tiny.Data[i]), -120))
		if device.Epsilon[T]() < 1e-10 {
			tiny.Data[i] = T(math.Ldexp(float64(tiny.Data[i]), -800))
		}
	}
	for name, c := range map[string]struct {
		source RowBlocks[T]
		o      StreamOptions
		want   error
	}{
		"nil":             {nil, StreamOptions{Rank: 2}, device.ErrArgument},
		"rank 0":          {source, StreamOptions{}, device.ErrArgument},
		"rank > k":        {source, StreamOptions{Rank: 21}, device.ErrArgument},
		"rank < 0":        {source, StreamOptions{Rank: -1, Vectors: None}, device.ErrArgument},
		"passes":          {source, StreamOptions{Rank: 2, Passes: -1}, device.ErrArgument},
		"oversampling":    {source, StreamOptions{Rank: 2, Oversampling: -1}, device.ErrArgument},
		"memory < 0":      {source, StreamOptions{Rank: 2, Memory: -1}, device.ErrArgument},
		"memory, 1 pass":  {source, StreamOptions{Rank: 2, Memory: 2000, Passes: 1}, device.ErrArgument},
		"memory":          {source, StreamOptions{Rank: 2, Memory: 2000}, device.ErrArgument},
		"memory, all":     {source, StreamOptions{Vectors: None, Memory: 2000}, device.ErrArgument},
		"NaN":             {with(math.NaN()), StreamOptions{Rank: 2}, device.ErrNotFinite},
		"NaN, 1 pass":     {with(math.NaN()), StreamOptions{Rank: 2, Passes: 1}, device.ErrNotFinite},
		"Inf, all values": {with(math.Inf(1)), StreamOptions{Vectors: None}, device.ErrNotFinite},
		"out of range":    {with(float64(T(1e37)) * 1e0), StreamOptions{Rank: 2, Seed: 1}, nil},
		"tiny":            {Rows(tiny), StreamOptions{Rank: 2}, device.ErrArgument},
		"no rows":         {Rows(device.NewDense[T](0, 5)), StreamOptions{Rank: 1}, device.ErrEmpty},
		"shape":           {Rows(device.Dense[T]{Rows: 9, Cols: 9, Stride: 9, Data: make([]T, 80)}), StreamOptions{Rank: 1}, device.ErrShape},
		"starts late":     {faulty[T]{source, 1, 49}, StreamOptions{Rank: 2}, device.ErrShape},
		"ends early":      {faulty[T]{source, 0, 49}, StreamOptions{Rank: 2}, device.ErrShape},
		"too many rows":   {faulty[T]{source, 0, 51}, StreamOptions{Rank: 2}, device.ErrShape},
		"no rows at all":  {faulty[T]{source, 0, 0}, StreamOptions{Rank: 2}, device.ErrShape},
	} {
		if name == "out of range" && device.Epsilon[T]() > 1e-10 {
			c.want = device.ErrArgument
		}
		refuses(t, name, c.want, func() error { _, err := Stream(ctx, dev, c.source, c.o); return err })
	}
	for _, passes := range []int{1, 3} {
		budget := tight(source, 2, passes)
		_, err := Stream(ctx, dev, with(math.NaN()), StreamOptions{Rank: 2, Passes: passes, Memory: budget})
		if e := new(device.NotFiniteError); !errors.As(err, &e) || e.Row != 43 || e.Col != 2 {
			t.Errorf("NaN in a later block: %v, it is at row 43, column 2", err)
		}
		cancelled, cancel := context.WithCancel(ctx)
		c := &cancelling[T]{RowBlocks: source, cancel: cancel}
		if _, err := Stream(cancelled, dev, c, StreamOptions{Rank: 2, Passes: passes, Memory: budget}); !errors.Is(err, context.Canceled) || c.after > 1 {
			t.Errorf("%d passes: %v, %d blocks were taken after the end", passes, err, c.after)
		}
	}
}

// cancelling ends the context before its second block.
type cancelling[T device.Float] struct {
	RowBlocks[T]
	cancel context.CancelFunc
	blocks int
	after  int
}

func (c *cancelling[T]) Each(ctx context.Context, most int, f func(int, []T) error) error {
	return c.RowBlocks.Each(ctx, most, func(first int, data []T) error {
		if c.blocks++; c.blocks == 2 {
			c.cancel()
		}
		if c.blocks >= 2 {
			c.after++
		}
		return f(first, data)
	})
}

// A product with the rows of a source is that with the matrix.
func TestOperators(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testOperators[float64], testOperators[float32])
	})
}

func testOperators[T device.Float](t *testing.T, dev device.Device) {
	a := normal[T](71, 37, 23)
	for i := range a.Data { // two of three entries are missing in the sparse matrix
		if i%3 != 0 {
			a.Data[i] = 0
		}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	thin, err := Sparse(compressed(a))
	if err != nil {
		t.Fatal(err)
	}
	x, y := normal[T](72, 23, 5), normal[T](73, 37, 5)
	want, wantT := device.NewDense[float64](37, 5), device.NewDense[float64](23, 5)
	for i := range 37 {
		for j := range 23 {
			for c := range 5 {
				want.Data[i*5+c] += float64(a.At(i, j)) * float64(x.At(j, c))
				wantT.Data[j*5+c] += float64(a.At(i, j)) * float64(y.At(i, c))
			}
		}
	}
	for name, op := range map[string]Operator[T]{
		"matrix": Matrix(device.Lend(q, a)), "sparse": thin, "blocks": Blocks(Rows(a), 7),
		"transposed twice": transposed[T]{transposed[T]{thin}},
	} {
		for _, transp := range []bool{false, true} {
			in, ref := device.Lend(q, x), want
			if transp {
				in, ref = device.Lend(q, y), wantT
			}
			out, got := q.Alloc(ref.Rows, 5), device.NewDense[T](ref.Rows, 5)
			var err error
			if transp {
				err = op.MulTrans(ctx, q, in, out)
			} else {
				err = op.Mul(ctx, q, in, out)
			}
			q.Download(got, out)
			if err := errors.Join(err, q.Sync()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for i := range got.Data {
				// A sum of at most 37 products of numbers below 4.
				if d := math.Abs(float64(got.Data[i]) - ref.Data[i]); d > 37*16*device.Epsilon[T]() {
					t.Errorf("%s, transposed %v: element %d off by %.3g", name, transp, i, d)
					break
				}
			}
		}
	}
	for name, c := range map[string]struct {
		a    CSR[T]
		want error
	}{
		"zero value":  {CSR[T]{}, device.ErrEmpty},
		"starts":      {CSR[T]{Rows: 2, Cols: 2, Start: []int{0, 1}, Columns: []int{0}, Values: []T{1}}, device.ErrShape},
		"descending":  {CSR[T]{Rows: 2, Cols: 2, Start: []int{0, 2, 1}, Columns: []int{0}, Values: []T{1}}, device.ErrShape},
		"column":      {CSR[T]{Rows: 1, Cols: 2, Start: []int{0, 1}, Columns: []int{2}, Values: []T{1}}, device.ErrShape},
		"negative":    {CSR[T]{Rows: 1, Cols: 2, Start: []int{0, 1}, Columns: []int{-1}, Values: []T{1}}, device.ErrShape},
		"NaN":         {CSR[T]{Rows: 1, Cols: 2, Start: []int{0, 1}, Columns: []int{1}, Values: []T{T(math.NaN())}}, device.ErrNotFinite},
		"other sizes": {CSR[T]{Rows: 1, Cols: 2, Start: []int{0, 1}, Columns: []int{1}}, device.ErrShape},
	} {
		refuses(t, name, c.want, func() error { _, err := Sparse(c.a); return err })
	}
}

// compressed returns the entries of a that are not zero.
func compressed[T device.Float](a device.Dense[T]) CSR[T] {
	s := CSR[T]{Rows: a.Rows, Cols: a.Cols, Start: []int{0}}
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			if v != 0 {
				s.Columns, s.Values = append(s.Columns, j), append(s.Values, v)
			}
		}
		s.Start = append(s.Start, len(s.Values))
	}
	return s
}
