//go:build ignore

// Copies of the stand-in driver.
#include "driver.h"

#include <algorithm>
#include <sys/mman.h>

// plane is one side of a two-dimensional copy: rows of width bytes.
struct plane {
  bool device;
  char *at;
  size_t pitch, width, rows;

  size_t span() const { return rows ? (rows - 1) * pitch + width : 0; }
  rz_emu_use use(bool written) const { return {(uint64_t)at, width, rows, pitch, written}; }
  bool holds() const { return !device || find((uint64_t)at, span()); }
};

static void move_rows(const plane &to, const plane &from) {
  for (size_t i = 0; i < to.rows; i++) memmove(to.at + i * to.pitch, from.at + i * from.pitch, to.width);
}

// copy queues a copy. From memory that is not pinned the source is read
// before copy returns, and to such memory the copy waits for the stream.
static int copy(const char *name, plane to, plane from, void *s) {
  if (to.span() == 0) return OK;
  if (std::max(to.pitch * (to.rows > 1), from.pitch * (from.rows > 1)) > 0x7fffffff) {
    violation("%s with rows further apart than the greatest pitch", name);
    return INVALID_VALUE;
  }
  if (!to.holds() || !from.holds()) {
    violation("%s of %zu bytes outside of device memory", name, to.span());
    return INVALID_VALUE;
  }
  const plane &host = to.device ? from : to;
  bool pageable = !host.device && !is_pinned(host.at, host.span());
  if (pageable && gpu.config.strict) {
    violation("%s with memory that is not pinned", name);
    return INVALID_VALUE;
  }
  // The launches would copy what the host memory holds by then.
  if (!host.device && capturing(name, (stream *)s)) return CAPTURE_UNSUPPORTED;
  std::shared_ptr<void> held;
  if (pageable && !from.device) {
    auto staged = std::make_shared<std::vector<char>>(to.width * to.rows);
    plane dense = {false, staged->data(), to.width, to.width, to.rows};
    move_rows(dense, from);
    from = dense, held = staged;
  }
  if (!to.device) gpu.calls["bytes(to host)"] += to.width * to.rows;
  if (!from.device) gpu.calls["bytes(to device)"] += to.width * to.rows;
  double seconds = 1e-6 + to.width * to.rows / (host.device ? 2e12 : gpu.config.bandwidth);
  operation op = {name, [=] { return move_rows(to, from), OK; }, held, seconds};
  if (to.device) op.uses.push_back(used(to.use(true)));
  if (from.device) op.uses.push_back(used(from.use(false)));
  if (!host.device && !pageable) op.uses.push_back({host.use(!to.device), PINNED});
  if (int code = enqueue(s, std::move(op))) return code;
  return pageable && !to.device ? drain((stream *)s) : OK;
}

static plane on_device(uint64_t at, size_t bytes) { return {true, (char *)at, bytes, bytes, 1}; }
static plane on_host(const void *at, size_t bytes) { return {false, (char *)at, bytes, bytes, 1}; }

API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *s) {
  ENTER(CONTEXT);
  return copy(__func__, on_device(to, bytes), on_host(from, bytes), s);
}

API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *s) {
  ENTER(CONTEXT);
  return copy(__func__, on_host(to, bytes), on_device(from, bytes), s);
}

API int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *s) {
  ENTER(CONTEXT);
  return copy(__func__, on_device(to, bytes), on_device(from, bytes), s);
}

// The blocking copies use the legacy stream, which waits for all others.
API int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  ENTER(CONTEXT);
  if (int code = drain_all()) return code;
  if (!find(to, bytes)) return INVALID_VALUE;
  opened memory;
  memcpy((void *)to, from, bytes);
  return OK;
}

API int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  ENTER(CONTEXT);
  if (int code = drain_all()) return code;
  if (!find(from, bytes)) return INVALID_VALUE;
  opened memory;
  memcpy(to, (void *)from, bytes);
  return OK;
}

// CUDA_MEMCPY2D
struct memcpy2d {
  struct side {
    size_t x, y;
    int kind;
    void *host;
    uint64_t device;
    void *array;
    size_t pitch;
  } from, to;
  size_t width, height;
};
static_assert(sizeof(memcpy2d) == 128, "CUDA_MEMCPY2D has 128 bytes");

API int cuMemcpy2DAsync_v2(const memcpy2d *c, void *s) {
  ENTER(CONTEXT);
  if (c->width == 0 || c->height == 0) return OK;
  auto side = [c](const memcpy2d::side &p) {
    char *at = p.kind == 2 ? (char *)p.device : (char *)p.host;
    size_t pitch = p.pitch ? p.pitch : c->width;
    return plane{p.kind == 2, at + p.y * pitch + p.x, pitch, c->width, c->height};
  };
  for (int kind : {c->from.kind, c->to.kind})
    if (kind != 1 && kind != 2) return INVALID_VALUE;
  plane to = side(c->to), from = side(c->from);
  if (to.pitch < c->width || from.pitch < c->width) return INVALID_VALUE;
  return copy(__func__, to, from, s);
}

// fill is std::fill_n, but zeros of a large piece are pages that nobody has
// written to.
template <class T> static void fill(uint64_t to, T value, size_t n) {
  const uint64_t page = 4096, first = (to + page - 1) / page * page, end = (to + n * sizeof(T)) / page * page;
  allocation *a = find(to, n * sizeof(T));
  if (value || !a || a->from != PAGES || end <= first) {
    std::fill_n((T *)to, n, value);
    return;
  }
  madvise((void *)first, end - first, MADV_DONTNEED);
  memset((void *)to, 0, first - to);
  memset((void *)end, 0, to + n * sizeof(T) - end);
}

template <class T> static int set(const char *name, uint64_t to, T value, size_t n, void *s) {
  if (n == 0) return OK;
  if (to % sizeof(T) || !find(to, n * sizeof(T))) {
    violation("%s of %zu bytes outside of device memory", name, n * sizeof(T));
    return INVALID_VALUE;
  }
  operation op = {name, [=] { return fill(to, value, n), OK; }, nullptr, 1e-6};
  op.uses = {used({to, n * sizeof(T), 1, 0, true})};
  return enqueue(s, std::move(op));
}

API int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void *s) {
  ENTER(CONTEXT);
  return set(__func__, to, value, bytes, s);
}

API int cuMemsetD32Async(uint64_t to, unsigned value, size_t n, void *s) {
  ENTER(CONTEXT);
  return set(__func__, to, value, n, s);
}
