// Package device defines what a computing device can do and provides the one
// written in pure Go.
//
// Three types carry all data:
//
//   - [Dense] is a row-major matrix in ordinary Go memory, what callers give
//     and receive. Gonum's matrices convert to it without a copy.
//   - [Matrix] is a view of memory that belongs to a device.
//   - [Queue] runs operations on matrices, one after the other, and remembers
//     the first failure until the next [Queue.Sync], so that an algorithm
//     reads like its formulas and checks for errors where it has to decide.
//
// A [Device] makes queues. An algorithm is written once against [Queue] and
// runs on every device; operations for which some devices have a faster fused
// kernel (fused.go) fall back to a composition of the basic ones elsewhere.
//
// Vectors are matrices with one row or one column. Blocks of k vectors of
// length n are k×n matrices, one vector in each row, so that every vector is
// contiguous.
package device
