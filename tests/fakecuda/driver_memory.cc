//go:build ignore

// Device and pinned memory of the stand-in driver. Fresh and freed memory is
// full of NaN; guard bytes around each allocation show what was written
// beyond it.
#include "driver.h"

#include <algorithm>

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

API int rz_emu_span(uint64_t address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  return find(address, bytes) != nullptr;
}

int allocate(context *owner, size_t bytes, bool pooled, uint64_t *address) {
  if (bytes == 0) return INVALID_VALUE;
  if (bytes > gpu.config.memory) return OUT_OF_MEMORY;
  size_t size = rounded(bytes);
  uint64_t from_pool = pooled ? std::min(gpu.idle, (uint64_t)size) : 0;
  if (gpu.used + gpu.idle - from_pool + size > gpu.config.memory) return OUT_OF_MEMORY;
  char *block;
  if (posix_memalign((void **)&block, alignment, size + 2 * guard_bytes)) return OUT_OF_MEMORY;
  memset(block, guard_byte, guard_bytes);
  memset(block + guard_bytes, 0xFF, bytes);
  memset(block + guard_bytes + bytes, guard_byte, size - bytes + guard_bytes);
  gpu.idle -= from_pool;
  gpu.used += size;
  *address = (uint64_t)(block + guard_bytes);
  gpu.memory[*address] = {owner, block, *address, bytes, pooled};
  return OK;
}

static bool intact(const allocation &a) {
  static const std::string pattern(guard_bytes + alignment, (char)guard_byte);
  auto guarded = [](const char *from, size_t n) { return memcmp(from, pattern.data(), n) == 0; };
  return guarded(a.block, guard_bytes) &&
         guarded(a.block + guard_bytes + a.bytes, rounded(a.bytes) - a.bytes + guard_bytes);
}

void check_guards(const char *after) {
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
  if (!intact(a)) violation("a write outside of an allocation of %zu bytes, found when it was freed", a.bytes);
  size_t size = rounded(a.bytes);
  gpu.used -= size;
  if (a.pooled && gpu.pool_keeps) gpu.idle += size;
  memset(a.block, 0xFF, size + 2 * guard_bytes);
  free(a.block);
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
  gpu.memory[address].dying = true;
  int code = enqueue(s, {__func__, [address] { return release(address), OK; }, nullptr, 1e-6});
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
