//go:build !amd64 || purego

package device

var simd = plainGo

func tile64FMA(k int, a, b, c *float64, stride int)                    { panic("no such kernel") }
func tile32FMA(k int, a, b, c *float32, stride int)                    { panic("no such kernel") }
func tile64AVX512(k int, a, b, c *float64, stride int)                 { panic("no such kernel") }
func tile32AVX512(k int, a, b, c *float32, stride int)                 { panic("no such kernel") }
func dotRowsFMA(n int, a *float64, stride int, x, out *float64)        { panic("no such kernel") }
func addRowsFMA(n int, a *float64, stride int, x, y *float64)          { panic("no such kernel") }
func bothRowsFMA(n int, a *float64, stride int, p, x, y, out *float64) { panic("no such kernel") }
