// Package cuda holds Ritz's own GPU kernels: what no library of NVIDIA's has
// and what the fused operations need.
//
// A kernel is called ritz_NAME_f32 or ritz_NAME_f64. It is launched with
// blocks of 256 threads along x and any number of blocks along x; svd_batch and
// eigh_batch alone take dynamic shared memory. Matrices are row-major, all sizes and strides are 64-bit
// numbers of elements. The .cu files say what each kernel computes.
//
// The text of a module is compiled three times: by `make ptx` into the PTX
// that is embedded here and that every driver since CUDA 11.0 translates, by
// NVRTC for the GPU that is there, and by g++ for the emulator of the tests.
package cuda

import _ "embed"

// Module is one source file with its kernels.
type Module struct {
	Name   string // file name without extension
	Source string // CUDA C++; includes "rt.h", whose text is Runtime
	PTX    string // Source for compute capability 8.0 and later
}

// Runtime is the text of rt.h, the one header that the sources include.
//
//go:embed rt.h
var Runtime string

var (
	//go:embed elementwise.cu
	elementwiseSource string
	//go:embed elementwise.ptx
	elementwisePTX string
	//go:embed halves.cu
	halvesSource string
	//go:embed halves.ptx
	halvesPTX string
	//go:embed jacobi.cu
	jacobiSource string
	//go:embed jacobi.ptx
	jacobiPTX string
	//go:embed minimum.cu
	minimumSource string
	//go:embed minimum.ptx
	minimumPTX string
	//go:embed narrow.cu
	narrowSource string
	//go:embed narrow.ptx
	narrowPTX string
	//go:embed plan.cu
	planSource string
	//go:embed plan.ptx
	planPTX string
	//go:embed points.cu
	pointsSource string
	//go:embed points.ptx
	pointsPTX string
	//go:embed powers.cu
	powersSource string
	//go:embed powers.ptx
	powersPTX string
	//go:embed random.cu
	randomSource string
	//go:embed random.ptx
	randomPTX string
	//go:embed reduce.cu
	reduceSource string
	//go:embed reduce.ptx
	reducePTX string
	//go:embed sinkhorn.cu
	sinkhornSource string
	//go:embed sinkhorn.ptx
	sinkhornPTX string
	//go:embed softmin.cu
	softminSource string
	//go:embed softmin.ptx
	softminPTX string
	//go:embed sparse.cu
	sparseSource string
	//go:embed sparse.ptx
	sparsePTX string
	//go:embed step.cu
	stepSource string
	//go:embed step.ptx
	stepPTX string
	//go:embed tangent.cu
	tangentSource string
	//go:embed tangent.ptx
	tangentPTX string
	//go:embed triangle.cu
	triangleSource string
	//go:embed triangle.ptx
	trianglePTX string
)

// Modules returns all modules, in alphabetical order.
func Modules() []Module {
	return []Module{
		{"elementwise", elementwiseSource, elementwisePTX},
		{"halves", halvesSource, halvesPTX},
		{"jacobi", jacobiSource, jacobiPTX},
		{"minimum", minimumSource, minimumPTX},
		{"narrow", narrowSource, narrowPTX},
		{"plan", planSource, planPTX},
		{"points", pointsSource, pointsPTX},
		{"powers", powersSource, powersPTX},
		{"random", randomSource, randomPTX},
		{"reduce", reduceSource, reducePTX},
		{"sinkhorn", sinkhornSource, sinkhornPTX},
		{"softmin", softminSource, softminPTX},
		{"sparse", sparseSource, sparsePTX},
		{"step", stepSource, stepPTX},
		{"tangent", tangentSource, tangentPTX},
		{"triangle", triangleSource, trianglePTX},
	}
}
