package hessianspectrum

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Blobs returns n samples around k centers, sample i belonging to center i mod
// k: normal numbers of standard deviation noise around points at the distance
// separation from the origin, in directions that are uniform.
func Blobs(k, dim, n int, separation, noise float64, seed uint64) (nn.Data[float64], error) {
	switch {
	case k < 1 || dim < 1 || n < 1:
		return nn.Data[float64]{}, fmt.Errorf("%d blobs of dimension %d with %d samples: %w", k, dim, n, device.ErrEmpty)
	case !(noise >= 0) || !(separation >= 0) || math.IsInf(noise+separation, 0):
		return nn.Data[float64]{}, device.Argument("separation", "is %v and the noise %v, must not be negative", separation, noise)
	}
	centers, x := device.NewDense[float64](k, dim), device.NewDense[float64](n, dim)
	rng.Normal(seed, 1, 0, centers.Data)
	rng.Normal(seed, 2, 0, x.Data)
	d := nn.Data[float64]{X: x, Labels: make([]int, n)}
	for j := range k {
		norm := 0.0
		for _, v := range centers.Row(j) {
			norm = math.Hypot(norm, v)
		}
		for i, v := range centers.Row(j) {
			centers.Row(j)[i] = v * separation / norm
		}
	}
	for i := range n {
		d.Labels[i] = i % k
		for j, v := range centers.Row(i % k) {
			x.Row(i)[j] = v + noise*x.Row(i)[j]
		}
	}
	return d, nil
}

// pooled is the side of the squares of pixels that are averaged.
const pooled = 4

// firstClasses returns the first n images of the first k classes, reduced to
// 7×7 pixels.
func firstClasses(d nn.Data[float64], k, n int) nn.Data[float64] {
	const side = 28 / pooled
	x := device.NewDense[float64](n, side*side)
	labels := make([]int, 0, n)
	for i := 0; i < d.X.Rows && len(labels) < n; i++ {
		if d.Labels[i] >= k {
			continue
		}
		image, row := d.X.Row(i), x.Row(len(labels))
		for p, v := range image {
			row[p/28/pooled*side+p%28/pooled] += v / (pooled * pooled)
		}
		labels = append(labels, d.Labels[i])
	}
	return nn.Data[float64]{X: x.Slice(0, len(labels), 0, x.Cols), Labels: labels}
}

// uniform returns a network with weights and biases uniform on ±1/√inputs.
func uniform(sizes []int, seed uint64) (*nn.Network[float64], error) {
	net, err := nn.New[float64](sizes, nn.Tanh, seed)
	if err != nil {
		return nil, err
	}
	for l, layer := range net.Layers() {
		w := net.Theta[layer.Weights:layer.End]
		rng.Uniform(seed, uint64(10+l), 0, w)
		for i := range w {
			w[i] = (2*w[i] - 1) / math.Sqrt(float64(layer.In))
		}
	}
	return net, nil
}
