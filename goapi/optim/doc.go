// Package optim trains the weights of models: stochastic gradient descent,
// AdamW, and the optimizers for weight matrices that orthogonalize or bound
// the update, Muon, NorMuon, Dion and AuON.
//
// The caller owns the weights and their gradients as matrices of a device. An
// [Optimizer] holds the moving averages and moves the weights:
//
//	o, err := optim.New(q,
//		optim.Group[float32]{Rule: optim.Muon{LearningRate: 0.02}, Parameters: hidden},
//		optim.Group[float32]{Rule: optim.AdamW{}, Parameters: others})
//	for ... {
//		... // compute the gradients
//		if err := o.Step(ctx); err != nil { ... }
//	}
//
// A [Rule] says how parameters move. In the formulas W are the weights, G the
// gradient, η the learning rate after the [Schedule] of the group, λ the weight
// decay and t the number of the step, from 1. Numbers that a rule does not set
// have the defaults that its fields state.
//
// A step looks at the gradients before it changes anything. If one of them
// holds a NaN or an infinity, it returns a *device.NotFiniteError that names
// the parameter, and weights and state are as they were. For that, a step reads
// three numbers of each parameter from the device; weights, gradients and state
// stay there. A caller that wants to leave out such steps goes on after
//
//	errors.Is(err, device.ErrNotFinite)
//
// [Optimizer.Save] writes weights and state to a safetensors file, from which
// [Optimizer.Load] goes on with the same bits.
package optim
