package device

// Device is one opened CPU or GPU. It is safe for concurrent use.
type Device interface {
	Info() Info
	// F32 and F64 return a new queue. A queue belongs to one goroutine;
	// Close it when done. NewQueue picks the right one for a type.
	F32() Queue[float32]
	F64() Queue[float64]
	// Close releases the device; its queues return ErrClosed afterwards.
	Close() error
}

// Info describes an opened device.
type Info struct {
	Name     string   // what opens it: "go", "cpu", "cuda:0"
	Backend  string   // "pure Go", "OpenBLAS", "CUDA"
	Hardware string   // model of the CPU or GPU
	Threads  int      // host threads that it uses
	Memory   uint64   // bytes, 0 if unknown
	Level    string   // instruction level of our own kernels: "go", "base", "v3", "v4", "sm_90"
	Library  string   // version of the library behind it, "" for none
	Core     string   // CPU core that the library was tuned for, "" if unknown
	Warnings []string // why a better device, of which there are signs, was passed over
	Notes    []string // what a user should know, such as an environment variable that slows it
}

// NewQueue returns a new queue of d for element type T. A nil Device is like a
// closed one.
func NewQueue[T Float](d Device) Queue[T] {
	if d == nil {
		d = none
	}
	var zero T
	if _, ok := any(zero).(float32); ok {
		return any(d.F32()).(Queue[T])
	}
	return any(d.F64()).(Queue[T])
}

// none stands for a nil Device.
var none = func() Device {
	d := Go()
	d.Close()
	return d
}()

// Epsilon returns the distance from 1 to the next larger number of type T:
// 2⁻²³ or 2⁻⁵².
func Epsilon[T Float]() float64 {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return 0x1p-23
	}
	return 0x1p-52
}
