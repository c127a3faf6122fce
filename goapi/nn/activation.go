package nn

import "github.com/ritz-go/ritz/goapi/device"

// Activation is the function φ applied to every hidden unit.
type Activation string

const (
	Tanh     Activation = "tanh"
	Relu     Activation = "relu"     // max(z, 0), with derivative 0 at 0
	Gelu     Activation = "gelu"     // z·Φ(z), Φ the normal distribution function
	Softplus Activation = "softplus" // log(1 + e^z)
	Sine     Activation = "sine"     // sin z
	Identity Activation = "identity" // z: a linear network
)

func (a Activation) check() error {
	switch a {
	case "", Tanh, Relu, Gelu, Softplus, Sine, Identity:
		return nil
	}
	return device.Argument("activation", "is %q, must be tanh, relu, gelu, softplus, sine or identity", string(a))
}

// keepsInput reports whether the derivatives need z; those of the other
// functions follow from φ(z).
func (a Activation) keepsInput() bool { return a == Gelu || a == Softplus || a == Sine }

// curved reports whether φ” differs from 0.
func (a Activation) curved() bool { return a != Relu && a != Identity }

// apply computes h = φ(z). h may be z.
func apply[T device.Float](q device.Queue[T], a Activation, z, h device.Matrix[T]) {
	switch a {
	case Relu:
		q.Map(device.Relu, z, h)
	case Gelu:
		q.Map(device.Gelu, z, h)
	case Softplus:
		q.Map(device.Softplus, z, h)
	case Sine:
		q.Map(device.Sin, z, h)
	case Identity:
		if z != h {
			q.Copy(h, z)
		}
	default:
		q.Map(device.Tanh, z, h)
	}
}

// slope computes s = φ'(z) from z, where keepsInput, or from h = φ(z).
func slope[T device.Float](q device.Queue[T], a Activation, z, h, s device.Matrix[T]) {
	switch a {
	case Relu:
		q.Map(device.Step, h, s)
	case Gelu:
		q.Map(device.GeluPrime, z, s)
	case Softplus:
		q.Map(device.Logistic, z, s)
	case Sine:
		q.Map(device.Cos, z, s)
	case Identity:
		q.Fill(1, s)
	default: // 1 - h²
		defer q.Scope()()
		one := q.Alloc(1, s.Cols)
		q.Fill(1, one)
		q.Mul(h, h, s)
		q.Add(-1, device.NoTrans, s, 0, device.NoTrans, device.Matrix[T]{}, s)
		q.AddBy(device.PerCol, 1, one, s, s)
	}
}

// curvature computes c = e∘φ”(z) for a curved activation, given h = φ(z),
// s = φ'(z) and δ = e∘s.
func curvature[T device.Float](q device.Queue[T], a Activation, z, h, s, e, δ, c device.Matrix[T]) {
	switch a {
	case Gelu:
		defer q.Scope()()
		t := q.Alloc(z.Rows, z.Cols)
		q.Map(device.GeluSecond, z, t)
		q.Mul(e, t, c)
	case Softplus: // φ” = φ'·(1 - φ')
		q.Mul(s, δ, c)
		q.Add(1, device.NoTrans, δ, -1, device.NoTrans, c, c)
	case Sine: // φ” = -φ
		q.Mul(h, e, c)
		q.Add(-1, device.NoTrans, c, 0, device.NoTrans, device.Matrix[T]{}, c)
	default: // tanh” = -2·tanh·tanh'
		q.Mul(h, δ, c)
		q.Add(-2, device.NoTrans, c, 0, device.NoTrans, device.Matrix[T]{}, c)
	}
}
