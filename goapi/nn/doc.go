// Package nn trains multilayer perceptrons and evaluates their loss and its
// derivatives on any device.
//
// A network is an [Architecture] (the sizes of its layers and an activation)
// and one flat vector of parameters, layer after layer, each the out×in
// weights in row-major order followed by the out biases:
//
//	h₀ = x,  zₗ = Wₗ·hₗ₋₁ + bₗ,  hₗ = φ(zₗ),  output z_L
//
// The last layer has no activation. Without hidden layers the network is a
// linear model: with labels the multinomial logistic (softmax) classifier.
//
// [Data] with labels is classified, its loss being the mean cross-entropy of
// the softmax of the outputs; data with targets is fitted, its loss being the
// mean of ½‖z_L - y‖².
//
// [Network] works on Go memory. [Pass] holds the forward and backward
// quantities on a device, from which gradients and products with curvature
// matrices are made.
package nn
