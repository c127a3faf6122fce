//go:build !(cgo && amd64)

package native

func hasBF16() bool { return false }

func bf16Pack(lo, hi, k int, b []float32, ldb int, transposed bool, packed []float32) {
	bf16PackGo(lo, hi, k, b, ldb, transposed, packed)
}

func bf16SymProduct(lo, hi, k int, α float32, a []float32, lda int, transposed bool, packed []float32, term SymTerm[float32], c []float32, ldc int, _ []float32) {
	bf16SymProductGo(lo, hi, k, α, a, lda, transposed, packed, term, c, ldc)
}

func bf16Product(lo, hi, n, k int, α float32, a []float32, lda int, transposed bool, packed []float32, β float32, c []float32, ldc int, _ []float32) {
	bf16ProductGo(lo, hi, n, k, α, a, lda, transposed, packed, β, c, ldc)
}
