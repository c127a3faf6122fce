//go:build cgo

package native

// #include "packed.h"
import "C"

var processorHasBF16 = C.ritz_has_bf16() != 0

func hasBF16() bool { return processorHasBF16 && Level() == "v4" }
