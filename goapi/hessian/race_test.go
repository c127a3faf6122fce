//go:build race

package hessian

// The race detector takes several times the memory.
const raceEnabled = true
