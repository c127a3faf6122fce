//go:build ignore

// Faults, counters and reports of the stand-in driver.
#include "driver.h"

#include <cstdarg>

state &gpu = *new state; // never destroyed: device work may outlive main
thread_local std::vector<context *> context_stack;

static int injected(const char *name, bool *sticky) {
  long n = ++gpu.calls[name];
  int on = gpu.config.on;
  if (on >= 0 && (gpu.visible.empty() || gpu.visible[0] / 8 != on)) return OK;
  for (auto &f : gpu.config.faults)
    if (f.name == name && f.nth == n) {
      *sticky = f.sticky;
      return f.code;
    }
  return OK;
}

call::call(const char *name, need what, bool releases) : hold(gpu.lock) {
  bool sticky = false;
  int fault = injected(name, &sticky);
  if (sticky) gpu.lost = fault;
  (releases ? after : code) = fault;
  if (code) return;
  if (what == NOTHING) return;
  if (!gpu.initialized) {
    code = NOT_INITIALIZED;
    return;
  }
  if (what == DEVICE) return;
  if (context_stack.empty()) {
    violation("%s without a current context", name);
    code = INVALID_CONTEXT;
    return;
  }
  current = context_stack.back();
  if (current->references == 0) {
    violation("%s in a context that was released", name);
    code = CONTEXT_DESTROYED;
  } else {
    code = gpu.lost;
  }
}

void violation(const char *format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  if (gpu.violations.size() < 100) gpu.violations.push_back(text);
}

API void rz_emu_violation(const char *text) { violation("%s", text); }

API int rz_emu_fault(const char *name) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  bool sticky = false;
  int code = injected(name, &sticky);
  if (code && !sticky) return code;
  if (sticky) gpu.lost = code; // the library tells no more than that work failed
  if (!gpu.lost) return 0;
  return strncmp(name, "cusolver", 8) ? 13 : 6; // execution failed
}

// NVRTC goes on without a device.
API int rz_emu_nvrtc_fault(const char *name) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  bool sticky = false;
  return injected(name, &sticky);
}

API void rz_emu_hold(const char *what, int change) {
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  gpu.held[what] += change;
}

API void *rz_emu_context(void) { return context_stack.empty() ? nullptr : context_stack.back(); }

// report says what is wrong, one line each; nothing if all is well.
static std::string report() {
  std::string s;
  check_guards("the end");
  for (auto &v : gpu.violations) s += v + "\n";
  gpu.violations.clear();
  if (gpu.pushed) s += std::to_string(gpu.pushed) + " contexts were pushed and not popped\n";
  if (gpu.lost) return s; // a lost device's memory is not freed
  for (auto &m : gpu.memory)
    if (!m.second.dying) s += "leak: " + std::to_string(m.second.bytes) + " bytes of device memory\n";
  for (auto &p : gpu.pinned) s += "leak: " + std::to_string(p.second) + " bytes of pinned memory\n";
  if (!gpu.streams.empty()) s += "leak: " + std::to_string(gpu.streams.size()) + " streams\n";
  if (!gpu.events.empty()) s += "leak: " + std::to_string(gpu.events.size()) + " events\n";
  if (!gpu.modules.empty()) s += "leak: " + std::to_string(gpu.modules.size()) + " modules\n";
  if (!gpu.graphs.empty()) s += "leak: " + std::to_string(gpu.graphs.size()) + " graphs\n";
  if (!gpu.executables.empty()) s += "leak: " + std::to_string(gpu.executables.size()) + " executable graphs\n";
  for (auto &h : gpu.held)
    if (h.second > 0) s += "leak: " + std::to_string(h.second) + " " + h.first + "\n";
  for (auto c : gpu.contexts)
    if (c && c->references) s += "leak: " + std::to_string(c->references) + " references to a primary context\n";
  return s;
}

// configure makes a new machine. What the program still holds of the old one
// is forgotten without being freed: its handles become invalid.
static std::string configure(const std::string &options) {
  machine m = machine::parse(options);
  if (!m.error.empty()) return "option not understood: " + m.error;
  gpu.config = m;
  gpu.initialized = false;
  gpu.contexts.clear(), gpu.visible.clear();
  gpu.streams.clear(), gpu.events.clear(), gpu.graphs.clear(), gpu.executables.clear(), gpu.modules.clear(), gpu.functions.clear();
  forget_memory();
  gpu.pinned.clear();
  gpu.used = gpu.idle = 0;
  gpu.pool_keeps = false;
  gpu.flags = 0;
  gpu.lost = 0;
  gpu.pushed = 0;
  gpu.calls.clear(), gpu.violations.clear(), gpu.held.clear();
  return "";
}

API const char *rz_emu_ctl(const char *command) {
  static std::string reply;
  std::lock_guard<std::recursive_mutex> hold(gpu.lock);
  std::string c = command;
  if (c.rfind("configure ", 0) == 0) {
    reply = configure(c.substr(10));
  } else if (c == "calls") {
    reply.clear();
    for (auto &n : gpu.calls) reply += n.first + " " + std::to_string(n.second) + "\n";
  } else if (c == "report") {
    reply = report();
  } else {
    reply = "command not understood: " + c;
  }
  return reply.c_str();
}
