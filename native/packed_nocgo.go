//go:build !cgo

package native

func (w *PackedProduct[T]) work() { w.alone(nil) }

func wantHugePages[T Float]([]T) {}
