//go:build ignore

// Graphs of the stand-in driver: what a stream is given while it is captured
// is kept, and run at every launch with the arguments and addresses that it
// had then.
#include "driver.h"

API int cuStreamBeginCapture_v2(void *handle, int mode) {
  ENTER(CONTEXT);
  if (!handle || !valid(handle)) return INVALID_HANDLE;
  stream *s = (stream *)handle;
  if (mode < 0 || mode > RELAXED || s->capture) return INVALID_VALUE;
  s->capture.reset(new graph);
  s->mode = mode;
  s->captured_by = std::this_thread::get_id();
  return OK;
}

API int cuStreamEndCapture(void *handle, void **out) {
  ENTER_RELEASE(CONTEXT);
  if (!handle || !valid(handle)) return INVALID_HANDLE;
  stream *s = (stream *)handle;
  *out = nullptr;
  if (!s->capture) return INVALID_VALUE;
  if (s->mode != RELAXED && s->captured_by != std::this_thread::get_id()) {
    violation("a capture is ended by another thread than began it");
    return WRONG_THREAD;
  }
  auto g = std::move(s->capture);
  if (g->broken) return CAPTURE_INVALIDATED;
  if (entry.after) return entry.after;
  gpu.graphs.insert(g.get());
  *out = g.release();
  return OK;
}

API int cuGraphInstantiateWithFlags(void **out, void *handle, unsigned long long flags) {
  ENTER(CONTEXT);
  graph *g = (graph *)handle;
  if (!gpu.graphs.count(g) || flags) return INVALID_VALUE;
  graph *e = new graph{g->operations};
  gpu.executables.insert(e);
  *out = e;
  return OK;
}

API int cuGraphLaunch(void *handle, void *s) {
  ENTER(CONTEXT);
  graph *e = (graph *)handle;
  if (!gpu.executables.count(e) || !valid(s)) return INVALID_HANDLE;
  for (auto &op : e->operations)
    if (int code = enqueue(s, op)) return code;
  return OK;
}

API int cuGraphExecDestroy(void *handle) {
  ENTER_RELEASE(CONTEXT);
  graph *e = (graph *)handle;
  if (!gpu.executables.erase(e)) return INVALID_HANDLE;
  delete e;
  return entry.after;
}

API int cuGraphDestroy(void *handle) {
  ENTER_RELEASE(CONTEXT);
  graph *g = (graph *)handle;
  if (!gpu.graphs.erase(g)) return INVALID_HANDLE;
  delete g;
  return entry.after;
}
