package cusolver

// migParent is the Reason of a GPU that is split into MIG instances.
const migParent = "split into MIG instances, which are listed by themselves"

// Probe lists the GPUs of this machine. The error, if any, says in words for
// a user why no GPU can be used, and matches device.ErrUnavailable.
func Probe() (Machine, error) { return probe(Options{}) }
