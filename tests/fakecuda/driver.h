// The state of the stand-in driver. One lock guards all of it and is held
// while device work runs: the emulated machine does one thing at a time.
#ifndef RZ_DRIVER_H
#define RZ_DRIVER_H

#include "emu.h"
#include "emu_driver.h"
#include "machine.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

// CUresult
enum {
  OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
  INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NO_BINARY = 209, INVALID_PTX = 218, UNSUPPORTED_PTX = 222,
  INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURED_EVENT = 907,
  WRONG_THREAD = 908, CONTEXT_DESTROYED = 709, MISALIGNED = 716, LAUNCH_FAILED = 719,
};

// CUctx_flags, CUevent_flags, CUstream_flags, CUstreamCaptureMode
enum { CONTEXT_BLOCKS = 4, EVENT_BLOCKS = 1, STREAM_NON_BLOCKING = 1, GLOBAL = 0, THREAD_LOCAL = 1, RELAXED = 2 };

struct context {
  int device; // ordinal
  int references = 0;
};

// use is what an operation does with an allocation, which it knows by its
// number: another one may get the address later. PINNED stands for host memory.
enum { PINNED = -1 };
struct use : rz_emu_use {
  long number;
};

// operation is one entry of a stream. run returns a CUresult; a failure loses
// the device.
struct operation {
  std::string name;
  std::function<int()> run;
  std::shared_ptr<void> held; // what the operation needs until it ran or was dropped
  double seconds;             // of virtual time
  std::vector<use> uses = {};
  long place = 0; // in its stream, from 1
};

// order is how far each stream had come when something was recorded: work of
// theirs up to there is done before what waits for the record.
typedef std::map<struct stream *, long> order;

// graph is what a stream recorded instead of queueing it.
struct graph {
  std::vector<operation> operations;
  bool broken = false; // something was asked that a capture cannot do
};

struct stream {
  context *owner;
  std::deque<operation> queue;
  long placed = 0;  // operations so far
  order after = {}; // what its next operation comes after
  double clock = 0;
  std::unique_ptr<graph> capture = nullptr; // while it records
  int mode = RELAXED;                       // of the capture
  std::thread::id captured_by = {};         // thread that began it
};

// event remembers how often it was recorded and how many of these records
// were reached.
struct event {
  context *owner;
  unsigned flags;
  stream *recorded_in = nullptr;
  order after = {};
  long recorded = 0, reached = 0;
  bool captured = false; // the last record is part of a graph
  double time = 0;
};

// facts are what a compiled kernel tells the driver of itself.
struct facts {
  int shared = 0;     // bytes of static shared memory
  int threads = 1024; // most of a block
};

struct module {
  context *owner;
  void *library; // of dlopen
  bool kept = false; // for the next module of the same image
  uint64_t base; // address it was loaded at
  std::map<std::string, std::unique_ptr<struct function>> functions;
  std::map<std::string, facts> entries; // of a PTX image
};

struct function {
  module *owner;
  std::string name;
  const rz_emu_kernel *kernel;
  const char *access; // a letter for each parameter, see access.h
  int static_shared;  // bytes
  int threads;        // most of a block
  int dynamic_shared = (48 << 10) - static_shared; // bytes a launch may ask for
};

// source is where a block of memory comes from: the heap, pages that are copies
// of ones full of NaN, pages of zeros, or the arena that the host must not touch.
enum source { HEAP, COPIES, PAGES, ARENA };

// allocation is device memory: guard bytes, data, guard bytes.
struct allocation {
  context *owner;
  source from;
  char *block;
  uint64_t address;
  size_t bytes;
  bool pooled;
  long number;
  bool dying = false; // given to cuMemFreeAsync, which has not run yet
};

struct state {
  std::recursive_mutex lock;
  machine config = machine::from_environment();
  bool initialized = false;
  std::vector<int> visible;           // ordinal to GPU, for MIG gpu*8+instance
  std::vector<context *> contexts;    // by ordinal
  std::set<stream *> streams;
  std::map<void *, std::shared_ptr<event>> events;
  std::set<graph *> graphs, executables;
  std::set<module *> modules;
  std::set<function *> functions;
  std::map<uint64_t, allocation> memory;
  std::map<char *, size_t> pinned;
  uint64_t used = 0, idle = 0; // bytes: allocated, kept by the pool
  bool pool_keeps = false;
  unsigned flags = 0;                 // of primary contexts
  int executing = 0;
  int lost = 0;                       // the sticky error
  long pushed = 0;                    // contexts on the stacks of all threads
  std::map<std::string, long> calls, held;
  std::vector<std::string> violations;
};

extern state &gpu;
extern thread_local std::vector<context *> context_stack;

enum need { CONTEXT, DEVICE, NOTHING };

// call opens an API function: it takes the lock, counts, injects faults and
// checks that what the function needs is there. A function that releases
// something does so even if it is made to fail, as one does that reports the
// failure of earlier work; it returns after.
struct call {
  std::lock_guard<std::recursive_mutex> hold;
  int code = OK, after = OK;
  context *current = nullptr;
  call(const char *name, need what, bool releases = false);
};

#define ENTER(what)           \
  call entry(__func__, what); \
  if (entry.code) return entry.code

#define ENTER_RELEASE(what)         \
  call entry(__func__, what, true); \
  if (entry.code) return entry.code

void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Memory.
allocation *find(uint64_t address, size_t bytes);
bool is_pinned(const void *memory, size_t bytes);
void check_guards(const char *after);
void forget_memory();
use used(const rz_emu_use &u);
int allocate(context *owner, size_t bytes, bool pooled, uint64_t *address);
void release(uint64_t address);

// Streams. enqueue checks the handle and that no other stream has work on the
// same memory that nobody waited for; drain runs everything that is queued.
int enqueue(void *handle, operation op);
int drain(stream *s);
int drain_all();
bool valid(void *handle);

// opened lets the emulator into protected device memory as long as it lives.
struct opened {
  opened();
  ~opened();
  opened(const opened &) = delete;
};

// unsafe breaks the captures that forbid a call which is of no stream, and says
// whether there was one.
bool unsafe(const char *name);

// capturing breaks the captures that a call for this stream, or for the whole
// device, may not meet, and says whether there was one.
bool capturing(const char *name, stream *s);

void write_log(const char *text, unsigned n, int *options, void **values);

#endif
