//go:build ignore

// Streams and events of the stand-in driver. A stream is a queue that runs
// only when something waits for it: what a program reads without waiting is
// then always wrong, not only sometimes.
#include "driver.h"

#include <algorithm>

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

// alive says whether the memory of op is still what it was when op was asked
// for.
static bool alive(const operation &op) {
  for (auto &u : op.uses) {
    if (u.number == PINNED) continue; // nobody frees it while there is work
    allocation *a = find(u.at, u.bytes());
    if (a && a->number == u.number) continue;
    violation("%s: its memory was freed before it ran", op.name.c_str());
    return false;
  }
  return true;
}

static int execute(stream *s, operation op) {
  opened memory;
  gpu.executing++;
  int code = alive(op) ? op.run() : OK;
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

// waited counts the times that a program waits for work that is not done, and
// those where it keeps a processor busy with that.
static void waited(bool pending, bool blocks) {
  if (!pending || gpu.lost) return;
  gpu.calls["waits()"]++;
  if (!blocks) gpu.calls["waits that spin()"]++;
}

static bool context_blocks() { return gpu.flags & CONTEXT_BLOCKS; }

int drain(stream *s) {
  if (!s) return drain_all();
  opened memory;
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

// check_order complains if op, about to join s, uses memory that another
// stream still has work on, one of the two to write. Only a wait, for that work
// or for an event after it, puts them in order.
static void check_order(stream *s, const operation &op) {
  for (auto other : gpu.streams) {
    if (other == s) continue;
    auto known = s->after.find(other);
    for (auto &before : other->queue) {
      if (known != s->after.end() && before.place <= known->second) continue;
      for (auto &x : before.uses)
        for (auto &y : op.uses)
          if ((x.written || y.written) && x.number == y.number && overlap(x, y))
            return violation("%s and %s of another stream use the same memory, and neither waits for the other", op.name.c_str(),
                             before.name.c_str());
    }
  }
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
  check_order(s, op);
  op.place = ++s->placed;
  s->queue.push_back(std::move(op));
  return gpu.config.eager ? drain(s) : OK;
}

bool unsafe(const char *name) {
  bool any = false;
  for (auto s : gpu.streams) {
    if (!s->capture || s->mode == RELAXED || (s->mode == THREAD_LOCAL && s->captured_by != std::this_thread::get_id())) continue;
    violation("%s while a stream is captured in a mode that forbids it", name);
    s->capture->broken = true;
    any = true;
  }
  return any;
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

API void rz_emu_enqueue(void *handle, const char *name, void (*run)(void *), void *arg, void (*drop)(void *),
                        const rz_emu_use *uses, size_t count) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  std::shared_ptr<void> held(arg, [drop](void *p) {
    if (drop) drop(p);
  });
  std::string title = name;
  operation op = {title, [=] { return run(arg), check_guards(title.c_str()), OK; }, held, 5e-6};
  for (size_t i = 0; i < count; i++) op.uses.push_back(used(uses[i]));
  enqueue(handle, std::move(op));
}

API int rz_emu_drain(void *handle) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  if (capturing("a library call that waits", (stream *)handle)) return CAPTURE_UNSUPPORTED;
  waited(handle && !((stream *)handle)->queue.empty(), context_blocks());
  return drain((stream *)handle);
}

API int cuStreamCreateWithPriority(void **out, unsigned flags, int) {
  ENTER(CONTEXT);
  if (flags > 1) return INVALID_VALUE;
  if (flags != STREAM_NON_BLOCKING) gpu.calls["streams that wait for the legacy stream()"]++;
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
  for (auto &e : gpu.events) e.second->after.erase(s);
  for (auto other : gpu.streams) other->after.erase(s);
  gpu.streams.erase(s);
  delete s;
  return code ? code : entry.after;
}

API int cuStreamSynchronize(void *handle) {
  ENTER(CONTEXT);
  if (!valid(handle)) return INVALID_HANDLE;
  if (capturing(__func__, (stream *)handle)) return CAPTURE_UNSUPPORTED;
  waited(handle && !((stream *)handle)->queue.empty(), context_blocks());
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
  e->captured = s && ((stream *)s)->capture;
  e->recorded_in = (stream *)s;
  stream *at = (stream *)s;
  if (at) e->after = at->after, e->after[at] = at->placed + 1; // the record itself
  return enqueue(s, {__func__, [=] {
                       e->reached = number;
                       e->time = at ? at->clock : 0;
                       return OK;
                     },
                     e, 0});
}

// captured says whether e stands for a point in a graph, which nobody can wait
// for; the capture is then of no use.
static bool captured(const char *name, event &e) {
  if (!e.captured) return false;
  violation("%s of an event that was recorded in a capture", name);
  if (e.recorded_in && e.recorded_in->capture) e.recorded_in->capture->broken = true;
  return true;
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
  if (captured(__func__, *e)) return CAPTURED_EVENT;
  waited(e->reached < e->recorded && e->recorded_in && !e->recorded_in->queue.empty(), e->flags & EVENT_BLOCKS);
  return reach(*e, e->recorded);
}

API int cuEventQuery(void *handle) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e) return INVALID_HANDLE;
  if (captured(__func__, *e)) return CAPTURED_EVENT;
  if (e->reached < e->recorded && e->recorded_in && !e->recorded_in->queue.empty()) run_one(e->recorded_in);
  if (gpu.lost) return gpu.lost;
  return e->reached < e->recorded ? NOT_READY : OK;
}

API int cuStreamWaitEvent(void *s, void *handle, unsigned) {
  ENTER(CONTEXT);
  auto e = find_event(handle);
  if (!e || !valid(s)) return INVALID_HANDLE;
  long number = e->recorded;
  if (s)
    for (auto &a : e->after) ((stream *)s)->after[a.first] = std::max(((stream *)s)->after[a.first], a.second);
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
