package hessian

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/rng"
)

// The reference: the loss of a network in hyper-dual numbers (Fike and Alonso
// 2011), whose parts are exact first and second derivatives. It shares no
// formula with the package.

// hyper is v + a·ε₁ + b·ε₂ + ab·ε₁ε₂ with ε₁² = ε₂² = 0.
type hyper struct{ v, a, b, ab float64 }

func (x hyper) add(y hyper) hyper { return hyper{x.v + y.v, x.a + y.a, x.b + y.b, x.ab + y.ab} }

func (x hyper) mul(y hyper) hyper {
	return hyper{x.v * y.v, x.a*y.v + x.v*y.a, x.b*y.v + x.v*y.b, x.ab*y.v + x.a*y.b + x.b*y.a + x.v*y.ab}
}

func (x hyper) times(s float64) hyper { return hyper{s * x.v, s * x.a, s * x.b, s * x.ab} }

// chain applies a function with value f, first and second derivative f1, f2.
func (x hyper) chain(f, f1, f2 float64) hyper {
	return hyper{f, f1 * x.a, f1 * x.b, f1*x.ab + f2*x.a*x.b}
}

func (x hyper) exp() hyper { e := math.Exp(x.v); return x.chain(e, e, e) }
func (x hyper) log() hyper { return x.chain(math.Log(x.v), 1/x.v, -1/(x.v*x.v)) }

func (x hyper) activate(a nn.Activation) hyper {
	switch a {
	case nn.Relu:
		if x.v > 0 {
			return x
		}
		return hyper{}
	case nn.Identity:
		return x
	case nn.Softplus:
		return hyper{v: 1}.add(x.exp()).log()
	case nn.Sine:
		return x.chain(math.Sin(x.v), math.Cos(x.v), -math.Sin(x.v))
	case nn.Gelu:
		cdf, pdf := 0.5*math.Erfc(-x.v/math.Sqrt2), math.Exp(-x.v*x.v/2)/math.Sqrt(2*math.Pi)
		return x.mul(x.chain(cdf, pdf, -x.v*pdf))
	}
	f := math.Tanh(x.v)
	s := 1 / math.Pow(math.Cosh(x.v), 2)
	return x.chain(f, s, -2*f*s)
}

func outputs(a nn.Architecture, θ []hyper, x []float64) []hyper {
	h := make([]hyper, len(x))
	for i, v := range x {
		h[i].v = v
	}
	at := 0
	for l := 1; l < len(a.Sizes); l++ {
		in, out := a.Sizes[l-1], a.Sizes[l]
		z := make([]hyper, out)
		for o := range z {
			z[o] = θ[at+in*out+o]
			for i := range in {
				z[o] = z[o].add(θ[at+o*in+i].mul(h[i]))
			}
			if l < len(a.Sizes)-1 {
				z[o] = z[o].activate(a.Activation)
			}
		}
		h, at = z, at+in*out+out
	}
	return h
}

func sampleLoss(z []hyper, d nn.Data[float64], i int) hyper {
	var total hyper
	if d.Labels == nil {
		for j, v := range z {
			e := v.add(hyper{v: -d.Targets.At(i, j)})
			total = total.add(e.mul(e).times(0.5))
		}
		return total
	}
	for _, v := range z {
		total = total.add(v.exp())
	}
	return total.log().add(z[d.Labels[i]].times(-1))
}

// variables returns θ with unit ε₁ part at i and unit ε₂ part at j.
func variables(θ []float64, i, j int) []hyper {
	h := make([]hyper, len(θ))
	for p, v := range θ {
		h[p].v = v
	}
	h[i].a, h[j].b = 1, 1
	return h
}

func exactHessian(a nn.Architecture, θ []float64, d nn.Data[float64]) *mat.SymDense {
	h := mat.NewSymDense(len(θ), nil)
	for i := range θ {
		for j := range i + 1 {
			vars := variables(θ, i, j)
			sum := 0.0
			for s := range d.X.Rows {
				sum += sampleLoss(outputs(a, vars, d.X.Row(s)), d, s).ab
			}
			h.SetSym(i, j, sum/float64(d.X.Rows))
		}
	}
	return h
}

// exactGGN is the mean of JᵀMJ with the Jacobian J of the outputs and the
// Hessian M of the loss with respect to them.
func exactGGN(a nn.Architecture, θ []float64, d nn.Data[float64]) *mat.SymDense {
	n, c := d.X.Rows, a.Outputs()
	jac := make([]*mat.Dense, n)
	for s := range jac {
		jac[s] = mat.NewDense(c, len(θ), nil)
	}
	for i := range θ {
		vars := variables(θ, i, i)
		for s := range n {
			for o, z := range outputs(a, vars, d.X.Row(s)) {
				jac[s].Set(o, i, z.a)
			}
		}
	}
	sum := mat.NewDense(len(θ), len(θ), nil)
	for s := range n {
		z := outputs(a, variables(θ, 0, 0), d.X.Row(s))
		m := mat.NewDense(c, c, nil)
		for i := range c {
			for j := range c {
				w := make([]hyper, c)
				for o := range w {
					w[o].v = z[o].v
				}
				w[i].a, w[j].b = 1, 1
				m.Set(i, j, sampleLoss(w, d, s).ab)
			}
		}
		var mj, jmj mat.Dense
		mj.Mul(m, jac[s])
		jmj.Mul(jac[s].T(), &mj)
		sum.Add(sum, &jmj)
	}
	return symmetric(sum, 1/float64(n))
}

func exactFisher(a nn.Architecture, θ []float64, d nn.Data[float64]) *mat.SymDense {
	g := mat.NewDense(d.X.Rows, len(θ), nil)
	for i := range θ {
		vars := variables(θ, i, i)
		for s := range d.X.Rows {
			g.Set(s, i, sampleLoss(outputs(a, vars, d.X.Row(s)), d, s).a)
		}
	}
	var f mat.Dense
	f.Mul(g.T(), g)
	return symmetric(&f, 1/float64(d.X.Rows))
}

// exactTrueFisher is the mean over the samples and over the labels that the
// model itself would draw of g·gᵀ; for targets, whose gradients are linear in
// them, over the 2·outputs points at √outputs from the outputs along each axis,
// which have the mean and the covariance of a unit normal.
func exactTrueFisher(a nn.Architecture, θ []float64, d nn.Data[float64]) *mat.SymDense {
	sum := mat.NewSymDense(len(θ), nil)
	for s := range d.X.Rows {
		one := nn.Data[float64]{X: d.X.Slice(s, s+1, 0, d.X.Cols)}
		z := outputs(a, variables(θ, 0, 0), d.X.Row(s))
		add := func(one nn.Data[float64], weight float64) {
			f := exactFisher(a, θ, one)
			f.ScaleSym(weight/float64(d.X.Rows), f)
			sum.AddSym(sum, f)
		}
		total := 0.0
		for _, v := range z {
			total += math.Exp(v.v)
		}
		for c, v := range z {
			if d.Labels != nil {
				one.Labels = []int{c}
				add(one, math.Exp(v.v)/total)
				continue
			}
			for _, side := range []float64{-1, 1} {
				one.Targets = device.NewDense[float64](1, len(z))
				for i, v := range z {
					one.Targets.Set(0, i, v.v)
				}
				one.Targets.Set(0, c, v.v+side*math.Sqrt(float64(len(z))))
				add(one, 0.5/float64(len(z)))
			}
		}
	}
	return sum
}

func symmetric(a *mat.Dense, scale float64) *mat.SymDense {
	n, _ := a.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, scale*a.At(i, j))
		}
	}
	return s
}

func normal[T device.Float](seed uint64, m, n int) device.Dense[T] {
	a := device.NewDense[T](m, n)
	rng.Normal(seed, 77, 0, a.Data)
	return a
}

func classified[T device.Float](n, features, classes int) nn.Data[T] {
	d := nn.Data[T]{X: normal[T](3, n, features), Labels: make([]int, n)}
	for i := range d.Labels {
		d.Labels[i] = int(rng.Uint64(4, 0, uint64(i)) % uint64(classes))
	}
	return d
}

func fitted[T device.Float](n, features, outputs int) nn.Data[T] {
	return nn.Data[T]{X: normal[T](3, n, features), Targets: normal[T](5, n, outputs)}
}

// random returns a network with random weights and biases.
func random[T device.Float](sizes []int, a nn.Activation) *nn.Network[T] {
	n, err := nn.New[T](sizes, a, 1)
	if err != nil {
		panic(err)
	}
	for i, v := range normal[T](9, 1, len(n.Theta)).Data {
		n.Theta[i] += v / 5
	}
	return n
}

func double[T device.Float](d nn.Data[T]) nn.Data[float64] {
	e := nn.Data[float64]{X: device.Convert[float64](d.X), Labels: d.Labels}
	if d.Targets.Data != nil {
		e.Targets = device.Convert[float64](d.Targets)
	}
	return e
}
