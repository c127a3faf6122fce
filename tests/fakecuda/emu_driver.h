// The side entrances of the stand-in driver, libcuda.so.1, for the stand-ins
// of the other libraries and for the test harness.
#ifndef RZ_EMU_DRIVER_H
#define RZ_EMU_DRIVER_H

#include "use.h"

extern "C" {

// Puts work on a stream: run(arg) when the stream gets there, then drop(arg).
// Work that never runs, on a device that was lost or because its memory was
// freed, is only dropped.
void rz_emu_enqueue(void *stream, const char *name, void (*run)(void *), void *arg, void (*drop)(void *),
                    const rz_emu_use *uses, size_t count);

// Says whether [address, address+bytes) lies in one live device allocation.
// Memory given to cuMemFreeAsync counts as live only for work already queued.
int rz_emu_span(uint64_t address, size_t bytes);

// Counts a call of name and returns the status it must fail with: an injected
// one, the status for a lost device, or 0.
int rz_emu_fault(const char *name);

// The current context of this thread, or NULL.
void *rz_emu_context(void);

// Runs all work of a stream. Nonzero if the device is lost.
int rz_emu_drain(void *stream);

// Records that the program broke a rule of the API.
void rz_emu_violation(const char *text);

// Counts objects of a library that the program has to destroy: +1 or -1 of
// what, "cuBLAS handles". The report names what is left.
void rz_emu_hold(const char *what, int change);

// Executes a command and returns its reply, valid until the next one:
//   configure OPTIONS  sets the machine and the faults, forgets what was counted
//   calls              lines "name count" since configure
//   report             broken rules and what is still allocated; forgets them
const char *rz_emu_ctl(const char *command);
}

#endif
