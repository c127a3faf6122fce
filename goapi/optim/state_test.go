package optim

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/rng"
)

var everyRule = []Rule{
	SGD{}, SGD{Momentum: 0.9, Dampening: 0.3, WeightDecay: 0.1}, AdamW{WeightDecay: 0.1},
	Muon{WeightDecay: 0.1}, Muon{Rows: true}, Dion{Rank: 3}, AuON{}, AuON{Form: AuONCode}, AuON{Steps: 1},
}

// model is an optimizer of one group for each rule, each of a 12×8 matrix of
// two blocks.
type model[T device.Float] struct {
	t    testing.TB
	q    device.Queue[T]
	o    *Optimizer[T]
	w, g []device.Matrix[T]
}

func newModel[T device.Float](t testing.TB, dev device.Device, rules ...Rule) *model[T] {
	t.Helper()
	m := &model[T]{t: t, q: device.NewQueue[T](dev)}
	t.Cleanup(m.q.Close)
	var groups []Group[T]
	for i, r := range rules {
		w, g := m.q.Alloc(12, 8), m.q.Alloc(12, 8)
		m.q.Random(device.Normal, 1, uint64(i), w)
		m.w, m.g = append(m.w, w), append(m.g, g)
		groups = append(groups, Group[T]{
			Rule:       r,
			Schedule:   Schedule{WarmUp: 2, Decay: 10, Shape: Cosine},
			Parameters: []Parameter[T]{{Name: fmt.Sprintf("layer.%d/w", i), Value: w, Gradient: g, Shape: []int{12, 2, 2, 2}, RowBlocks: 2}},
		})
	}
	var err error
	if m.o, err = New(m.q, groups...); err != nil {
		t.Fatal(err)
	}
	return m
}

// step takes a step along random gradients that depend on its number.
func (m *model[T]) step() {
	m.t.Helper()
	for i, g := range m.g {
		m.q.Random(device.Normal, 2+uint64(m.o.Steps()), uint64(i), g)
	}
	if err := m.o.Step(ctx); err != nil {
		m.t.Fatal(err)
	}
}

// all returns weights and state.
func (m *model[T]) all() []T {
	m.t.Helper()
	var all []T
	for _, t := range m.o.tensors() {
		d := device.NewDense[T](t.m.Rows, t.m.Cols)
		m.q.Download(d, t.m)
		all = append(all, d.Data...)
	}
	if err := m.q.Sync(); err != nil {
		m.t.Fatal(err)
	}
	return all
}

func sameBits[T device.Float](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float64bits(float64(a[i])) != math.Float64bits(float64(b[i])) {
			return false
		}
	}
	return true
}

// A saved and restored optimizer goes on with the same bits.
func TestSavedContinues(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testSavedContinues[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testSavedContinues[float32](t, dev) })
	})
}

func testSavedContinues[T device.Float](t *testing.T, dev device.Device) {
	path := filepath.Join(t.TempDir(), "state.safetensors")
	a := newModel[T](t, dev, everyRule...)
	for range 4 {
		a.step()
	}
	if err := a.o.SetLearningRate(2, 0.125); err != nil {
		t.Fatal(err)
	}
	if err := a.o.Save(path); err != nil {
		t.Fatal(err)
	}
	saved := a.all()
	a.step()
	a.step()
	b := newModel[T](t, dev, everyRule...)
	b.step() // something else
	if err := b.o.Load(path); err != nil {
		t.Fatal(err)
	}
	if !sameBits(b.all(), saved) || b.o.Steps() != 4 || b.o.LearningRate(2) != 0.125*a.o.groups[2].schedule.Factor(4) {
		t.Fatalf("what was loaded is not what was saved: %d steps, rate %v", b.o.Steps(), b.o.LearningRate(2))
	}
	b.step()
	b.step()
	if !sameBits(a.all(), b.all()) {
		t.Error("the bits differ after two more steps")
	}
}

// Other programs find the weights under their names and shapes.
func TestSavedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.safetensors")
	m := newModel[float32](t, device.Go(), AdamW{}, Dion{Rank: 3})
	m.step()
	if err := m.o.Save(path); err != nil {
		t.Fatal(err)
	}
	f, err := matio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range f.Members {
		list = append(list, fmt.Sprint(m.Name, m.Shape, m.DType))
	}
	want := []string{
		"layer.0/w[12 2 2 2]f4", "layer.1/w[12 2 2 2]f4",
		"optimizer/basis.1/layer.1/w[8 3]f4", "optimizer/basis/layer.1/w[8 3]f4",
		"optimizer/mean/layer.0/w[12 2 2 2]f4", "optimizer/momentum/layer.1/w[12 2 2 2]f4", "optimizer/square/layer.0/w[12 2 2 2]f4",
	}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("%q", list)
	}
}

// A file that does not fit is refused, and weights and state stay.
func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, m *model[float64]) string {
		p := filepath.Join(dir, name+".safetensors")
		m.step()
		if err := m.o.Save(p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := file("good", newModel[float64](t, device.Go(), AdamW{}))
	m := newModel[float64](t, device.Go(), AdamW{})
	m.step()
	before := m.all()

	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	raw := func(name string, data []byte) string {
		p := filepath.Join(dir, name+".safetensors")
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	nan := append([]byte(nil), whole...)
	for i := len(nan) - 8; i < len(nan); i++ {
		nan[i] = 0xff
	}
	single := newModel[float32](t, device.Go(), AdamW{})
	singlePath := filepath.Join(dir, "single.safetensors")
	if err := single.o.Save(singlePath); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign.safetensors")
	if err := matio.Write(foreign, matio.Array[float64]{Shape: []int{1}, Data: []float64{1}}); err != nil {
		t.Fatal(err)
	}
	state := new(*StateError)
	for name, c := range map[string]struct {
		path string
		fits func(error) bool
	}{
		"missing":     {filepath.Join(dir, "none.safetensors"), func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		"other rule":  {file("sgd", newModel[float64](t, device.Go(), SGD{Momentum: .9})), func(err error) bool { return errors.As(err, state) }},
		"more groups": {file("more", newModel[float64](t, device.Go(), AdamW{}, AdamW{})), func(err error) bool { return errors.As(err, state) }},
		"float32":     {singlePath, func(err error) bool { return errors.As(err, state) }},
		"no state":    {foreign, func(err error) bool { return errors.As(err, state) }},
		"truncated":   {raw("truncated", whole[:len(whole)-5]), func(err error) bool { return errors.As(err, new(*matio.FormatError)) }},
		"NaN":         {raw("nan", nan), func(err error) bool { return errors.Is(err, device.ErrNotFinite) }},
	} {
		if err := m.o.Load(c.path); err == nil || !c.fits(err) {
			t.Errorf("%s: %v", name, err)
		}
		if !sameBits(m.all(), before) || m.o.Steps() != 1 {
			t.Fatalf("%s: the state has changed", name)
		}
	}
	if err := m.o.Load(good); err != nil {
		t.Error(err)
	}
}

// State that is not finite is not saved, and the file before stays.
func TestSaveRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.safetensors")
	m := newModel[float64](t, device.Go(), AdamW{})
	if err := m.o.Save(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	m.q.Fill(math.Inf(1), m.w[0].Row(3))
	err := m.o.Save(path)
	var bad *device.NotFiniteError
	if !errors.As(err, &bad) || bad.Name != "layer.0/w" || bad.Row != 3 || bad.Col != 0 {
		t.Errorf("error %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the file has changed")
	}
	if err := m.o.Save(filepath.Join(t.TempDir(), "state.npz")); err == nil {
		t.Error("an .npz file was written")
	}
}

// Steps reuse their memory, whichever processor they run on: they allocate less
// than a sixth of the weights.
func TestNoAllocation(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	const side, limit = 160, 160 * 160 * 8 / 6 // bytes
	for _, r := range everyRule {
		w, g := q.Alloc(side, side), q.Alloc(side, side)
		data := device.NewDense[float64](side, side)
		rng.Normal(1, 1, 0, data.Data)
		q.Upload(g, data)
		o, err := New(q, Group[float64]{Rule: r, Parameters: []Parameter[float64]{{Value: w, Gradient: g}}})
		if err != nil {
			t.Fatal(err)
		}
		bytes := allocated(4, func() {
			if err := o.Step(ctx); err != nil {
				t.Fatal(err)
			}
		})
		if bytes > limit {
			t.Errorf("%T: a step allocates %d bytes for weights of %d", r, bytes, side*side*8)
		}
	}
}

// allocated returns the bytes that f allocates on average, after two calls. The
// garbage collector, which would empty the reserve of ended scopes, is off.
func allocated(runs int, f func()) int {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f()
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc-before.TotalAlloc) / runs
}
