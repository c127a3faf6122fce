// Package conform checks that a device does what package device promises.
// Run takes any device; the tests of this package run it on every device of
// the machine and on every instruction level of our own kernels.
package conform
