//go:build ignore

// Device and pinned memory of the stand-in driver. Fresh and freed memory is
// full of NaN; guard bytes around each allocation show what was written
// beyond it.
#include "driver.h"

#include <algorithm>
#include <csignal>
#include <sys/mman.h>
#include <unistd.h>

static const size_t guard_bytes = 4096, alignment = 256;
static const unsigned char guard_byte = 0xA5;

static size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

allocation *find(uint64_t address, size_t bytes) {
  auto i = gpu.memory.upper_bound(address);
  if (i == gpu.memory.begin()) return nullptr;
  allocation *a = &std::prev(i)->second;
  if (address - a->address > a->bytes || bytes > a->bytes - (address - a->address)) return nullptr;
  if (a->dying && !gpu.executing) return nullptr;
  return a;
}

// used is u with the number of its allocation.
use used(const rz_emu_use &u) {
  allocation *a = find(u.at, u.bytes());
  return {u, a ? a->number : 0};
}

API int rz_emu_span(uint64_t address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  return find(address, bytes) != nullptr;
}

// The arena of protected memory: blocks are taken from its start on and, of the
// same size, again. Large ones are elsewhere, since to open and close them takes
// long.
static const size_t arena_bytes = 4ull << 30;
static char *arena;
static size_t arena_used;
static std::map<size_t, std::vector<char *>> arena_free;
static int arena_opened;

opened::opened() {
  if (arena_used && !arena_opened++) mprotect(arena, arena_used, PROT_READ | PROT_WRITE);
}

opened::~opened() {
  if (arena_used && !--arena_opened) mprotect(arena, arena_used, PROT_NONE);
}

static struct sigaction before_arena;

// touched says what the host did before the program ends of it.
static void touched(int, siginfo_t *info, void *) {
  char *at = (char *)info->si_addr;
  if (at >= arena && at < arena + arena_bytes) {
    char text[160];
    int n = snprintf(text, sizeof text, "the host touched device memory, at %p, while no device work ran\n", info->si_addr);
    for (auto &m : gpu.memory)
      if (m.first <= (uint64_t)at && (uint64_t)at < m.first + m.second.bytes)
        n = snprintf(text, sizeof text, "the host touched device memory, byte %zu of an allocation of %zu bytes, while no device work ran\n",
                     (size_t)((uint64_t)at - m.first), m.second.bytes);
    if (write(2, text, n) < 0) abort();
  }
  sigaction(SIGSEGV, &before_arena, nullptr); // which ends the program as usual
}

static char *take_arena(size_t bytes) {
  auto &again = arena_free[bytes];
  if (!again.empty()) {
    char *block = again.back();
    again.pop_back();
    return block;
  }
  if (!arena) {
    arena = (char *)mmap(nullptr, arena_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED) abort();
    struct sigaction action = {};
    action.sa_sigaction = touched;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigfillset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before_arena);
  }
  if (bytes > arena_bytes - arena_used) return nullptr;
  char *block = arena + arena_used;
  mprotect(block, bytes, arena_opened ? PROT_READ | PROT_WRITE : PROT_NONE);
  if (!arena_used) arena_opened = 0;
  arena_used += bytes;
  return block;
}

// From these sizes on memory has pages of its own, which nobody pays for before
// they are written to. The largest blocks hold zeros and not NaN, since there are
// only so many mappings.
static const size_t medium = 1 << 20, large = 1 << 30;

// take_copies maps the pages of a file of 0xFF over and over.
static char *take_copies(size_t bytes) {
  static const size_t length = 32 << 20;
  static const int file = [] {
    int file = memfd_create("NaN", 0);
    std::string full(1 << 20, (char)0xFF);
    for (size_t at = 0; at < length; at += full.size())
      if (pwrite(file, full.data(), full.size(), at) != (ssize_t)full.size()) abort();
    return file;
  }();
  char *block = (char *)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) return nullptr;
  for (size_t at = 0; at < bytes; at += length)
    if (mmap(block + at, std::min(length, bytes - at), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED) abort();
  return block;
}

static char *take(source from, size_t bytes) {
  void *block;
  if (from == ARENA) return take_arena(bytes);
  if (from == COPIES) return take_copies(bytes);
  if (from == HEAP) return posix_memalign(&block, alignment, bytes) ? nullptr : (char *)block;
  block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block == MAP_FAILED ? nullptr : (char *)block;
}

static void give(const allocation &a) {
  size_t bytes = rounded(a.bytes) + 2 * guard_bytes;
  if (a.from == PAGES || a.from == COPIES) {
    munmap(a.block, bytes);
    return;
  }
  opened memory;
  memset(a.block, 0xFF, bytes);
  if (a.from == ARENA) arena_free[bytes].push_back(a.block);
  else free(a.block);
}

void forget_memory() {
  for (auto &a : gpu.memory) give(a.second);
  gpu.memory.clear();
  if (arena_used) madvise(arena, arena_used, MADV_DONTNEED);
  arena_used = 0;
  arena_free.clear();
}

int allocate(context *owner, size_t bytes, bool pooled, uint64_t *address) {
  if (bytes == 0) return INVALID_VALUE;
  if (bytes > gpu.config.memory) return OUT_OF_MEMORY;
  size_t size = rounded(bytes);
  uint64_t from_pool = pooled ? std::min(gpu.idle, (uint64_t)size) : 0;
  if (gpu.used + gpu.idle - from_pool + size > gpu.config.memory) return OUT_OF_MEMORY;
  source from = bytes >= large ? PAGES : bytes >= medium ? COPIES : gpu.config.protect ? ARENA : HEAP;
  char *block = take(from, size + 2 * guard_bytes);
  if (!block) return OUT_OF_MEMORY;
  opened memory;
  memset(block, guard_byte, guard_bytes);
  if (from == HEAP || from == ARENA) memset(block + guard_bytes, 0xFF, bytes);
  memset(block + guard_bytes + bytes, guard_byte, size - bytes + guard_bytes);
  gpu.idle -= from_pool;
  gpu.used += size;
  *address = (uint64_t)(block + guard_bytes);
  static long count;
  gpu.memory[*address] = {owner, from, block, *address, bytes, pooled, ++count};
  return OK;
}

static bool intact(const allocation &a) {
  static const std::string pattern(guard_bytes + alignment, (char)guard_byte);
  auto guarded = [](const char *from, size_t n) { return memcmp(from, pattern.data(), n) == 0; };
  return guarded(a.block, guard_bytes) &&
         guarded(a.block + guard_bytes + a.bytes, rounded(a.bytes) - a.bytes + guard_bytes);
}

void check_guards(const char *after) {
  opened memory;
  for (auto &m : gpu.memory) {
    allocation &a = m.second;
    if (intact(a)) continue;
    violation("%s: a write outside of an allocation of %zu bytes", after, a.bytes);
    memset(a.block, guard_byte, guard_bytes);
    memset(a.block + guard_bytes + a.bytes, guard_byte, rounded(a.bytes) - a.bytes + guard_bytes);
  }
}

void release(uint64_t address) {
  auto i = gpu.memory.find(address);
  allocation &a = i->second;
  opened memory;
  if (!intact(a)) violation("a write outside of an allocation of %zu bytes, found when it was freed", a.bytes);
  size_t size = rounded(a.bytes);
  gpu.used -= size;
  if (a.pooled && gpu.pool_keeps) gpu.idle += size;
  else if (a.pooled) gpu.calls["memory that a pool gave back()"]++;
  give(a);
  gpu.memory.erase(i);
}

API int cuMemGetInfo_v2(size_t *free, size_t *total) {
  ENTER(CONTEXT);
  *total = gpu.config.memory;
  *free = gpu.config.memory - gpu.used - gpu.idle;
  *free -= std::min((uint64_t)*free, gpu.config.taken_of(gpu.visible[entry.current->device] / 8));
  return OK;
}

API int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  ENTER(CONTEXT);
  if (unsafe(__func__)) return CAPTURE_UNSUPPORTED;
  return allocate(entry.current, bytes, false, address);
}

// freeable says whether address may be freed now, and how if not.
static int freeable(const char *name, uint64_t address) {
  auto i = gpu.memory.find(address);
  if (i != gpu.memory.end() && !i->second.dying) return OK;
  violation("%s of something that is not allocated", name);
  return INVALID_VALUE;
}

API int cuMemFree_v2(uint64_t address) {
  ENTER_RELEASE(CONTEXT);
  if (!address) return entry.after;
  if (unsafe(__func__)) return CAPTURE_UNSUPPORTED;
  if (int code = freeable(__func__, address)) return code;
  if (int code = drain_all()) return code; // it waits for the device
  release(address);
  return entry.after;
}

API int cuMemAllocAsync(uint64_t *address, size_t bytes, void *s) {
  ENTER(CONTEXT);
  if (!gpu.config.pools) return 801; // not supported
  if (!valid(s)) return INVALID_HANDLE;
  if (capturing(__func__, (stream *)s)) return CAPTURE_UNSUPPORTED; // a node of the graph: not emulated
  return allocate(entry.current, bytes, true, address);
}

API int cuMemFreeAsync(uint64_t address, void *s) {
  ENTER_RELEASE(CONTEXT);
  if (!valid(s)) return INVALID_HANDLE;
  if (int code = freeable(__func__, address)) return code;
  if (capturing(__func__, (stream *)s)) return CAPTURE_UNSUPPORTED;
  operation op = {__func__, [address] { return release(address), OK; }, nullptr, 1e-6};
  op.uses = {used({address, gpu.memory[address].bytes, 1, 0, true})};
  gpu.memory[address].dying = true;
  int code = enqueue(s, std::move(op));
  return code ? code : entry.after;
}

API int cuDeviceGetDefaultMemPool(void **pool, int device) {
  ENTER(DEVICE);
  if (device < 0 || device >= (int)gpu.contexts.size()) return INVALID_DEVICE;
  if (!gpu.config.pools) return 801;
  *pool = &gpu.idle;
  return OK;
}

API int cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
  ENTER(DEVICE);
  if (pool != &gpu.idle) return INVALID_VALUE;
  if (attribute == 4) gpu.pool_keeps = *(uint64_t *)value > 0; // release threshold
  return OK;
}

API int cuMemPoolGetAttribute(void *pool, int attribute, void *value) {
  ENTER(DEVICE);
  if (pool != &gpu.idle) return INVALID_VALUE;
  uint64_t pooled = 0;
  for (auto &m : gpu.memory)
    if (m.second.pooled) pooled += rounded(m.second.bytes);
  switch (attribute) {
  case 5: *(uint64_t *)value = pooled + gpu.idle; return OK; // reserved
  case 7: *(uint64_t *)value = pooled; return OK;            // used
  }
  return INVALID_VALUE;
}

API int cuMemPoolTrimTo(void *pool, size_t keep) {
  ENTER(DEVICE);
  if (pool != &gpu.idle) return INVALID_VALUE;
  gpu.idle = std::min(gpu.idle, (uint64_t)keep);
  return OK;
}

API int cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER(CONTEXT);
  char *p;
  if (bytes == 0) return INVALID_VALUE;
  if (unsafe(__func__)) return CAPTURE_UNSUPPORTED;
  if (posix_memalign((void **)&p, 4096, bytes)) return OUT_OF_MEMORY;
  gpu.pinned[p] = bytes;
  *memory = p;
  return OK;
}

API int cuMemFreeHost(void *memory) {
  ENTER_RELEASE(CONTEXT);
  if (!gpu.pinned.count((char *)memory)) {
    violation("cuMemFreeHost of something that is not allocated");
    return INVALID_VALUE;
  }
  if (int code = drain_all()) return code;
  gpu.pinned.erase((char *)memory);
  free(memory);
  return entry.after;
}

API int cuMemHostRegister_v2(void *memory, size_t bytes, unsigned) {
  ENTER(CONTEXT);
  gpu.pinned[(char *)memory] = bytes;
  return OK;
}

API int cuMemHostUnregister(void *memory) {
  ENTER_RELEASE(CONTEXT);
  if (int code = drain_all()) return code;
  return gpu.pinned.erase((char *)memory) ? entry.after : INVALID_VALUE;
}

bool is_pinned(const void *memory, size_t bytes) {
  auto i = gpu.pinned.upper_bound((char *)memory);
  if (i == gpu.pinned.begin()) return false;
  --i;
  size_t offset = (const char *)memory - i->first;
  return offset <= i->second && bytes <= i->second - offset;
}
