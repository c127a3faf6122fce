//go:build cgo

package cblas

/*
#include <sched.h>
#cgo noescape sched_yield
#cgo nocallback sched_yield
*/
import "C"

// yield lets other threads have the core.
func yield() { C.sched_yield() }
