//go:build ignore

// Streams and events of the stand-in driver. A stream is a queue that runs
// only when something waits for it: what a program reads without waiting is
// then always wrong, not only sometimes.
#include "driver.h"

bool valid(void *handle) {
  stream *s = (stream *)handle;
  if (!s) {
    violation("the legacy default stream was used");
    return true;
  }
  if (gpu.streams.count(s) && !context_stack.empty() && s->owner == context_stack.back()) return true;
  violation("a stream that is not one of the current context");
  return false;
}

static int execute(stream *s, operation op) {
  gpu.executing++;
  int code = op.run();
  gpu.executing--;
  if (s) s->clock += op.seconds;
  if (code) gpu.lost = code;
  return code;
}

// run_one runs the oldest operation of s.
static int run_one(stream *s) {
  operation op = std::move(s->queue.front());
  s->queue.pop_front();
  return execute(s, std::move(op));
}

// waited counts the times that a program waits for work that is not done.
static void waited(bool pending) {
  if (pending && !gpu.lost) gpu.calls["waits()"]++;
}

int drain(stream *s) {
  if (!s) return drain_all();
  while (!s->queue.empty()) {
    if (gpu.lost) s->queue.clear();
    else run_one(s);
  }
  return gpu.lost;
}

int drain_all() {
  for (auto s : gpu.streams) drain(s);
  return gpu.lost;
}

int enqueue(void *handle, operation op) {
  stream *s = (stream *)handle;
  if (!valid(handle)) return INVALID_HANDLE;
  if (gpu.lost) return gpu.lost;
  if (!s) {
    drain_all();
    return gpu.lost ? gpu.lost : execute(nullptr, std::move(op));
  }
  if (s->capture) {
    s->capture->operations.push_back(std::move(op));
    return s->capture->broken ? CAPTURE_INVALIDATED : OK;
  }
  s->queue.push_back(std::move(op));
  return gpu.config.eager ? drain(s) : OK;
}

bool capturing(const char *name, stream *s) {
  bool any = false;
  for (auto other : gpu.streams)
    if (other->capture && (!s || s == other)) {
      violation("%s while a stream is captured", name);
      other->capture->broken = true;
      any = true;
    }
  return any;
}

API void rz_emu_enqueue(void *handle, void (*run)(void *), void *arg, void (*drop)(void *)) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  std::shared_ptr<void> held(arg, [drop](void *p) {
    if (drop) drop(p);
  });
  enqueue(handle, {"library call", [run, arg] { return run(arg), check_guards("a library call"), OK; }, held, 5e-6});
}

API int rz_emu_drain(void *handle) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  if (capturing("a library call that waits", (stream *)handle)) return CAPTURE_UNSUPPORTED;
  waited(handle && !((stream *)handle)->queue.empty());
  return drain((stream *)handle);
}

API int cuStreamCreateWithPriority(void **out, unsigned flags, int) {
  ENTER(CONTEXT);
  if (flags > 1) return INVALID_VALUE;
  stream *s = new stream{entry.current};
  gpu.streams.insert(s);
  *out = s;
  return OK;
}

API int cuStreamDestroy_v2(void *handle) {
  ENTER_RELEASE(CONTEXT);
  if (!handle || !valid(handle)) return INVALID_HANDLE;
  stream *s = (stream *)handle;
  if (s->capture) violation("a stream is destroyed while it is captured");
  int code = drain(s);
  for (auto &e : gpu.events)
    if (e.second->recorded_in == s) e.second->recorded_in = nullptr;
  gpu.streams.erase(s);
  delete s;
  return code ? code : entry.after;
}

API int cuStreamSynchronize(void *handle) {
  ENTER(CONTEXT);
  if (!valid(handle)) return INVALID_HANDLE;
  if (capturing(__func__, (stream *)handle)) return CAPTURE_UNSUPPORTED;
  waited(handle && !((stream *)handle)->queue.empty());
  return drain((stream *)handle);
}

// A query lets the stream go on by one operation, so that polling ends.
API int cuStreamQuery(void *handle) {
  ENTER(CONTEXT);
  if (!valid(handle)) return INVALID_HANDLE;
  stream *s = (stream *)handle;
  if (capturing(__func__, s)) return CAPTURE_UNSUPPORTED;
  if (!s) return drain_all();
  if (!s->queue.empty()) run_one(s);
  if (gpu.lost) return gpu.lost;
  return s->queue.empty() ? OK : NOT_READY;
}

static std::shared_ptr<event> find_event(void *handle) {
  auto i = gpu.events.find(handle);
  if (i != gpu.events.end() && i->second->owner == context_stack.back()) return i->second;
  violation("an event that is not one of the current context");
  return nullptr;
}

API int cuEventCreate(void **out, unsigned flags) {
  ENTER(CONTEXT);
  auto e = std::make_shared<event>();
  e->owner = entry.current, e->flags = flags;
  gpu.events[e.get()] = e;
  *out = e.get();
  return OK;
}

API int cuEventDestroy_v2(void *handle) {
  ENTER_RELEASE(CONTEXT);
  if (!find_event(handle)) return INVALID_HANDLE;
  gpu.events.erase(handle);
  return entry.after;
}

API int cuEventRecord(void *handle, void *s) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e || !valid(s)) return INVALID_HANDLE;
  long number = ++e->recorded;
  e->recorded_in = (stream *)s;
  stream *at = (stream *)s;
  return enqueue(s, {__func__, [=] {
                       e->reached = number;
                       e->time = at ? at->clock : 0;
                       return OK;
                     },
                     e, 0});
}

// reach runs the stream of e until its record number was reached.
static int reach(event &e, long number) {
  stream *s = e.recorded_in;
  while (s && e.reached < number && !s->queue.empty() && !gpu.lost) run_one(s);
  return gpu.lost;
}

API int cuEventSynchronize(void *handle) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e) return INVALID_HANDLE;
  waited(e->reached < e->recorded && e->recorded_in && !e->recorded_in->queue.empty());
  return reach(*e, e->recorded);
}

API int cuEventQuery(void *handle) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e) return INVALID_HANDLE;
  if (e->reached < e->recorded && e->recorded_in && !e->recorded_in->queue.empty()) run_one(e->recorded_in);
  if (gpu.lost) return gpu.lost;
  return e->reached < e->recorded ? NOT_READY : OK;
}

API int cuStreamWaitEvent(void *s, void *handle, unsigned) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e || !valid(s)) return INVALID_HANDLE;
  long number = e->recorded;
  return enqueue(s, {__func__, [=] { return reach(*e, number); }, e, 0});
}

API int cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  ENTER(CONTEXT);
  auto a = find_event(from), b = find_event(to);
  if (!a || !b || !a->recorded || !b->recorded || (a->flags | b->flags) & 2) return INVALID_HANDLE;
  if (a->reached < a->recorded || b->reached < b->recorded) return NOT_READY;
  *milliseconds = (float)((b->time - a->time) * 1e3);
  return OK;
}
