package rng

import "math/bits"

const (
	mul0, mul1   = 0xD2511F53, 0xCD9E8D57
	weyl0, weyl1 = 0x9E3779B9, 0xBB67AE85
	rounds       = 10
)

// philox returns the four words of one block.
func philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	c, k := counter, key
	for range rounds {
		hi0, lo0 := bits.Mul32(mul0, c[0])
		hi1, lo1 := bits.Mul32(mul1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += weyl0
		k[1] += weyl1
	}
	return c
}

// block returns the numbers 2b and 2b+1 of a stream as 64-bit words.
func block(seed, stream, b uint64) (x, y uint64) {
	w := philox(
		[4]uint32{uint32(b), uint32(b >> 32), uint32(stream), uint32(stream >> 32)},
		[2]uint32{uint32(seed), uint32(seed >> 32)})
	return uint64(w[0])<<32 | uint64(w[1]), uint64(w[2])<<32 | uint64(w[3])
}

// Uint64 returns number i of a stream, uniform over all 64-bit words.
func Uint64(seed, stream, i uint64) uint64 {
	x, y := block(seed, stream, i/2)
	if i%2 == 1 {
		return y
	}
	return x
}
