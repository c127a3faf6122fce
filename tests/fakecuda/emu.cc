//go:build ignore

// The scheduler: runs the blocks of a launch, the threads of a block as
// fibres. Compiled without sanitizers, with RZ_EMU_TSAN for programs whose
// kernels are compiled with ThreadSanitizer.
#include "emu.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>
#ifndef __x86_64__
#include <ucontext.h>
#endif

__thread rz_emu_thread *rz_emu_current;

#ifdef RZ_EMU_TSAN
extern "C" {
void *__tsan_create_fiber(unsigned flags);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
}
#define RACE(...) __VA_ARGS__
#else
#define RACE(...)
#endif

namespace {

const size_t stack_size = 64 << 10;
const int max_threads = 1024;
const unsigned char guard_byte = 0xA5;

enum state { FRESH, READY, AT_BARRIER, AT_WARP, EXITED };

struct warp;

struct fibre : rz_emu_thread {
  state at;
  int line;
  int stack;
  warp *mates;
  // the pending warp operation
  int op, source;
  unsigned mask;
  unsigned long long value;
  RACE(char arrived; char *done;) // addresses that stand for what happened before
#ifdef __x86_64__
  void *sp;
#else
  ucontext_t context;
#endif
  RACE(void *race = nullptr;)
};

struct warp {
  fibre *lanes[32];
  int count;
  unsigned present, waiting; // lanes that exist, lanes in a warp operation
  RACE(int turn; char done[2];)
};

#ifdef __x86_64__
// rz_emu_switch(void **save, void *load): the callee-saved registers go onto
// the stack that is left.
extern "C" void rz_emu_switch(void **save, void *load);
asm(R"(
.text
.globl rz_emu_switch
.hidden rz_emu_switch
.type rz_emu_switch,@function
rz_emu_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size rz_emu_switch,.-rz_emu_switch
)");
#endif

// An engine holds the stacks and fibres for one block at a time.
struct engine {
  char *stacks;
  std::vector<int> idle; // stacks, the one last used on top: it is in the cache
  fibre fibres[max_threads];
  warp warps[max_threads / 32];
  int order[max_threads];
  rz_emu_block block;
  const rz_emu_launch *launch;
  int total, live, at_barrier;
  RACE(int turn; char passed[2], begun, ended;)
  std::string failure;
  unsigned random;
#ifdef __x86_64__
  void *sp;
#else
  ucontext_t context;
#endif
  RACE(void *race;)

  engine() {
    stacks = (char *)mmap(nullptr, stack_size * max_threads, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) abort();
    for (int i = 0; i < max_threads; i++) { // a stack that overflows hits a hole
      mprotect(stacks + i * stack_size, 4096, PROT_NONE);
    }
  }

  void run_block();
  void step(fibre *f);
  void suspend(fibre *f, state at, int line);
  void release_barrier();
  void arrive_warp(fibre *f);
  void finish(fibre *f);
  void stuck();
  void fail(const char *why, const std::string &detail);
};

__attribute__((tls_model("initial-exec"))) __thread engine *running;

[[noreturn]] void enter() {
  engine *e = running;
  fibre *f = (fibre *)rz_emu_current;
  RACE(__tsan_acquire(&e->begun);)
  e->launch->run(e->launch->params);
  RACE(__tsan_release(&e->ended);)
  e->finish(f);
  abort(); // an exited fibre is never resumed
}

#ifdef __x86_64__
void prepare(engine *e, fibre *f) {
  // Tops differ by a few lines, or all stacks would compete for one cache set.
  char *top = e->stacks + (f->stack + 1) * stack_size - (f->stack % 16) * 192;
  void **sp = (void **)((size_t)top & ~(size_t)15);
  *--sp = nullptr;         // the return address of enter
  *--sp = (void *)enter;   // popped by ret
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  f->sp = sp;
}
void into(engine *e, fibre *f) { rz_emu_switch(&e->sp, f->sp); }
void out(engine *e, fibre *f) { rz_emu_switch(&f->sp, e->sp); }
#else
void prepare(engine *e, fibre *f) {
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = e->stacks + f->stack * stack_size + 4096;
  f->context.uc_stack.ss_size = stack_size - 4096;
  f->context.uc_link = nullptr;
  makecontext(&f->context, (void (*)())enter, 0);
}
void into(engine *e, fibre *f) { swapcontext(&e->context, &f->context); }
void out(engine *e, fibre *f) { swapcontext(&f->context, &e->context); }
#endif

void engine::step(fibre *f) {
  if (f->at == FRESH) {
    f->stack = idle.back();
    idle.pop_back();
    prepare(this, f);
    RACE(if (!f->race) f->race = __tsan_create_fiber(0);)
  }
  f->at = READY;
  rz_emu_current = f;
  RACE(race = __tsan_get_current_fiber(); __tsan_switch_to_fiber(f->race, 1);)
  into(this, f);
  if (f->at == EXITED) idle.push_back(f->stack);
}

void engine::suspend(fibre *f, state at, int line) {
  f->at = at;
  f->line = line;
  RACE(__tsan_switch_to_fiber(race, 1);)
  out(this, f);
}

std::string text(const char *format, int a, int b = 0, int c = 0) {
  char s[160];
  snprintf(s, sizeof s, format, a, b, c);
  return s;
}

void engine::finish(fibre *f) {
  live--;
  if (f->copies > 0) fail("a copy is not waited for", text("thread %d has begun %d of them", int(f - fibres), f->copies));
  if (at_barrier > 0 && at_barrier == live) fail("divergent barrier", "some threads ended instead of arriving");
  suspend(f, EXITED, 0);
}

// fail reports the first failure of the block with its counts.
void engine::fail(const char *why, const std::string &detail) {
  if (!failure.empty()) return;
  int waiting = 0, in_warp = 0;
  for (int i = 0; i < total; i++) {
    waiting += fibres[i].at == AT_BARRIER;
    in_warp += fibres[i].at == AT_WARP;
  }
  failure = why + text(" in block (%d,%d,%d): ", block.index.x, block.index.y, block.index.z) +
            text("%d of %d threads at a barrier, ", waiting, total) +
            text("%d in a warp operation, %d ended; ", in_warp, total - live) + detail;
}

void engine::release_barrier() {
  int line = -1, first = 0;
  std::string lines;
  for (int i = 0; i < total; i++) {
    if (fibres[i].at != AT_BARRIER) continue;
    if (line >= 0 && fibres[i].line != line) {
      fail("divergent barrier", text("thread %d waits at line %d, ", first, line) + text("thread %d at line %d", i, fibres[i].line));
      return;
    }
    line = fibres[i].line, first = i;
  }
  for (int i = 0; i < total; i++)
    if (fibres[i].at == AT_BARRIER) fibres[i].at = READY;
  at_barrier = 0;
  RACE(turn ^= 1;)
}

// arrive_warp completes the operation if f is the last lane of its mask.
void engine::arrive_warp(fibre *f) {
  warp *w = f->mates;
  unsigned ballot = 0, lanes = f->mask & w->present;
  w->waiting |= 1u << f->lane;
  if (lanes & ~w->waiting) return;
  for (int l = 0; l < w->count; l++) {
    if (!(lanes >> l & 1)) continue;
    fibre *g = w->lanes[l];
    if (g->at != AT_WARP || g->mask != f->mask) return;
    if (g->op != f->op) {
      fail("incomplete warp operation", text("thread %d executes another one with the same mask", int(g - fibres)));
      return;
    }
    ballot |= (unsigned)(g->value & 1) << l;
  }
  unsigned long long results[32];
  void *operands[32];
  for (int l = 0; l < w->count; l++) {
    if (!(f->mask >> l & 1)) continue;
    fibre *g = w->lanes[l];
    operands[l] = (void *)(size_t)g->value;
    if (g->op == RZ_EMU_BALLOT || g->op == RZ_EMU_TOGETHER)
      results[l] = ballot;
    else if (g->source >= 0 && g->source < w->count && (f->mask >> g->source & 1))
      results[l] = w->lanes[g->source]->value;
    else
      results[l] = ~0ull; // a lane that does not take part has no value
  }
  RACE(for (int l = 0; l < w->count; l++) if (lanes >> l & 1) __tsan_acquire(&w->lanes[l]->arrived);)
  if (f->op == RZ_EMU_TOGETHER) { // the last lane runs what the operands begin with
    if (lanes != ~0u) {
      fail("incomplete warp operation", "a product of matrices without all 32 lanes");
      return;
    }
    (*(void (**)(void **))operands[0])(operands);
  }
  // Two addresses in turn: what a lane does next is not part of this.
  RACE(w->turn ^= 1; __tsan_release(&w->done[w->turn]);)
  for (int l = 0; l < w->count; l++) {
    if (!(f->mask >> l & 1)) continue;
    RACE(w->lanes[l]->done = &w->done[w->turn];)
    w->lanes[l]->value = results[l];
    w->lanes[l]->at = READY;
  }
  w->waiting &= ~lanes;
}

void engine::stuck() {
  std::string detail = "no thread can go on";
  for (int i = 0; i < total; i++)
    if (fibres[i].at == AT_WARP) {
      char s[100];
      snprintf(s, sizeof s, "thread %d waits for the lanes of mask %08x", i, fibres[i].mask);
      detail = s;
      break;
    }
  fail(at_barrier > 0 ? "divergent barrier" : "incomplete warp operation", detail);
}

void engine::run_block() {
  dim3 size = block.size;
  total = live = size.x * size.y * size.z;
  at_barrier = 0;
  idle.clear();
  for (int i = total - 1; i >= 0; i--) idle.push_back(i);
  for (int i = 0; i < total; i++) {
    fibre *f = &fibres[i];
    f->index.x = i % size.x, f->index.y = i / size.x % size.y, f->index.z = i / (size.x * size.y);
    f->copies = 0;
    f->lane = i % 32, f->block = &block, f->at = FRESH, f->mates = &warps[i / 32];
    f->mates->lanes[f->lane] = f;
    f->mates->count = f->lane + 1;
    f->mates->present = ~0u >> (31 - f->lane);
    f->mates->waiting = 0;
    order[i] = launch->order == RZ_EMU_REVERSED ? total - 1 - i : i;
  }
  unsigned char *memory = launch->memory();
  memset(memory, 0xFF, launch->shared);
  memset(memory + launch->shared, guard_byte, RZ_EMU_GUARD);
  RACE(__tsan_release(&begun);)
  while (live > 0 && failure.empty()) {
    if (launch->order == RZ_EMU_RANDOM)
      for (int i = total - 1; i > 0; i--) {
        random = random * 1664525u + 1013904223u;
        std::swap(order[i], order[(unsigned long long)random * (i + 1) >> 32]);
      }
    bool progress = false;
    for (int i = 0; i < total && failure.empty(); i++) {
      fibre *f = &fibres[order[i]];
      if (f->at != FRESH && f->at != READY) continue;
      progress = true;
      step(f);
    }
    if (!progress && live > 0) stuck();
  }
  RACE(__tsan_acquire(&ended);)
  for (unsigned i = 0; i < RZ_EMU_GUARD && failure.empty(); i++)
    if (memory[launch->shared + i] != guard_byte)
      failure = text("write beyond the %d bytes of dynamic shared memory, at byte %d", launch->shared, launch->shared + i);
}

// Engines are kept: their stacks are already in memory.
std::mutex &engines_lock = *new std::mutex;
std::vector<engine *> &engines = *new std::vector<engine *>;

engine *take() {
  std::lock_guard<std::mutex> hold(engines_lock);
  if (engines.empty()) return new engine;
  engine *e = engines.back();
  engines.pop_back();
  return e;
}

void give(engine *e) {
  std::lock_guard<std::mutex> hold(engines_lock);
  engines.push_back(e);
}

// A job is one launch: threads take its blocks from a counter.
struct job {
  const rz_emu_launch *launch;
  std::atomic<unsigned long long> next{0};
  unsigned long long blocks;
  std::mutex lock;
  std::string failure;
  int helpers = 0;

  void work();
};

void job::work() {
  engine *e = take(), *outer = running;
  running = e;
  e->launch = launch;
  e->block.size = launch->block, e->block.grid = launch->grid;
  e->failure.clear();
  if (launch->prepare) launch->prepare(launch->module);
  for (unsigned long long b; e->failure.empty() && (b = next++) < blocks;) {
    // Reversed orders reverse the blocks too.
    unsigned long long i = launch->order == RZ_EMU_REVERSED ? blocks - 1 - b : b;
    unsigned long long gx = launch->grid.x, gy = launch->grid.y;
    e->block.index.x = i % gx, e->block.index.y = i / gx % gy, e->block.index.z = i / (gx * gy);
    e->random = launch->seed * 2654435761u + (unsigned)i;
    e->run_block();
  }
  if (!e->failure.empty()) {
    next = blocks;
    std::lock_guard<std::mutex> hold(lock);
    if (failure.empty()) failure = e->failure;
  }
  running = outer;
  give(e);
}

// The helpers wait here for the next job. They take no signals, which belong
// to the program's own threads, and live as long as the process.
struct pool {
  std::mutex lock;
  std::condition_variable wake, done;
  job *current = nullptr;

  pool() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int n = std::min(std::thread::hardware_concurrency(), 8u);
    for (int i = 1; i < n; i++) std::thread([this] { help(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void help() {
    std::unique_lock<std::mutex> hold(lock);
    for (;;) {
      while (!current || current->next >= current->blocks) wake.wait(hold);
      job *j = current;
      j->helpers++;
      hold.unlock();
      j->work();
      hold.lock();
      if (--j->helpers == 0) done.notify_all();
    }
  }

  // share runs j with the help of the pool; only one job at a time is helped.
  void share(job *j) {
    std::unique_lock<std::mutex> hold(lock);
    bool mine = !current;
    if (mine) {
      current = j;
      wake.notify_all();
    }
    hold.unlock();
    j->work();
    hold.lock();
    if (mine) current = nullptr;
    while (j->helpers > 0) done.wait(hold);
  }
};

} // namespace

extern "C" void rz_emu_barrier(int line) {
  engine *e = running;
  fibre *f = (fibre *)rz_emu_current;
  RACE(char *passed = &e->passed[e->turn]; __tsan_release(passed);)
  f->at = AT_BARRIER, f->line = line;
  if (++e->at_barrier == e->live) {
    if (e->live < e->total)
      e->fail("divergent barrier", text("thread %d waits at line %d", int(f - e->fibres), line));
    else
      e->release_barrier();
  }
  if (f->at == AT_BARRIER || !e->failure.empty()) {
    e->suspend(f, f->at, line);
  }
  RACE(__tsan_acquire(passed);)
}

extern "C" unsigned long long rz_emu_warp(int op, unsigned mask, unsigned long long value, int source, int line) {
  engine *e = running;
  fibre *f = (fibre *)rz_emu_current;
  RACE(__tsan_release(&f->arrived);)
  f->op = op, f->mask = mask, f->value = value, f->source = source, f->line = line, f->at = AT_WARP;
  if (!(mask >> f->lane & 1))
    e->fail("incomplete warp operation", text("thread %d is not in its own mask", int(f - e->fibres)));
  else
    e->arrive_warp(f);
  if (f->at == AT_WARP || !e->failure.empty()) e->suspend(f, f->at, line);
  RACE(__tsan_acquire(f->done);)
  return f->value;
}

extern "C" void rz_emu_trap(const char *what, int line) {
  engine *e = running;
  fibre *f = (fibre *)rz_emu_current;
  e->fail(what, text("thread %d at line %d", int(f - e->fibres), line));
  e->suspend(f, AT_WARP, line);
}

extern "C" const char *rz_emu_run(const rz_emu_launch *launch) {
  static thread_local std::string failure;
  unsigned long long threads = (unsigned long long)launch->block.x * launch->block.y * launch->block.z;
  if (threads == 0 || threads > (unsigned long long)max_threads) return "a block has 1 to 1024 threads";
  if (launch->shared > RZ_EMU_MAX_SHARED) return "too much dynamic shared memory";
  job j;
  j.launch = launch;
  j.blocks = (unsigned long long)launch->grid.x * launch->grid.y * launch->grid.z;
  static pool &helpers = *new pool;
  if (j.blocks < 2)
    j.work();
  else
    helpers.share(&j);
  failure = j.failure;
  return failure.empty() ? nullptr : failure.c_str();
}
