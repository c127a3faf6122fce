// Package rng makes counter-based random numbers: number i of a stream
// depends on the seed, the stream and i alone, so that any device, with any
// number of threads, produces the same numbers in any order.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random
// numbers: as easy as 1, 2, 3; SC 2011). Normal variates use only IEEE
// additions, multiplications, divisions and square roots in a fixed order,
// never fused and without library functions, so that they agree to the last
// bit between processors.
package rng
