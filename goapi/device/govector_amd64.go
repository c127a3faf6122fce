//go:build amd64 && !purego

package device

import "golang.org/x/sys/cpu"

// simd says which kernels of govector_amd64.s can run here. Tests change it.
var simd = func() simdLevel {
	switch {
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA:
		return plainGo
	case cpu.X86.HasAVX512F:
		return avx512
	}
	return avx2
}()

//go:noescape
func tile64FMA(k int, a, b, c *float64, stride int)

//go:noescape
func tile32FMA(k int, a, b, c *float32, stride int)

//go:noescape
func tile64AVX512(k int, a, b, c *float64, stride int)

//go:noescape
func tile32AVX512(k int, a, b, c *float32, stride int)

//go:noescape
func dotRowsFMA(n int, a *float64, stride int, x, out *float64)

//go:noescape
func addRowsFMA(n int, a *float64, stride int, x, y *float64)

//go:noescape
func bothRowsFMA(n int, a *float64, stride int, p, x, y, out *float64)
