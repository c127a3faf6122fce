//go:build ignore

// Devices and contexts of the stand-in driver.
#include "driver.h"

#include <algorithm>

// see fills gpu.visible as CUDA_VISIBLE_DEVICES says: indices or prefixes of
// UUIDs, the first that names nothing ends the list. A process sees at most
// one MIG instance.
static void see() {
  const machine &m = gpu.config;
  std::vector<std::pair<std::string, int>> all; // UUID, gpu*8+instance+1
  for (int i = 0; i < m.devices; i++) {
    if (!m.mig) all.push_back({m.uuid_text(i), i * 8});
    for (int k = 0; k < m.mig; k++) all.push_back({m.uuid_text(i, k), i * 8 + k + 1});
  }
  gpu.visible.clear();
  const char *list = getenv("CUDA_VISIBLE_DEVICES");
  if (!list) {
    for (auto &d : all) gpu.visible.push_back(d.second);
  } else {
    std::string s = list;
    s += ',';
    for (size_t at = 0, end; (end = s.find(',', at)) != std::string::npos; at = end + 1) {
      std::string item = s.substr(at, end - at);
      item.erase(0, item.find_first_not_of(' '));
      item.erase(item.find_last_not_of(' ') + 1);
      int found = -1, hits = 0;
      char *rest;
      long n = strtol(item.c_str(), &rest, 10);
      if (!item.empty() && !*rest) {
        if (n >= 0 && n < (long)all.size()) found = all[n].second, hits = 1;
      } else if (!item.empty()) {
        for (auto &d : all)
          if (d.first.rfind(item, 0) == 0) found = d.second, hits++;
      }
      if (hits != 1 || std::count(gpu.visible.begin(), gpu.visible.end(), found)) break;
      gpu.visible.push_back(found);
    }
  }
  if (m.mig && gpu.visible.size() > 1) gpu.visible.resize(1);
  gpu.contexts.assign(gpu.visible.size(), nullptr);
}

API int cuInit(unsigned flags) {
  ENTER(NOTHING);
  if (flags) return INVALID_VALUE;
  if (gpu.config.init) return gpu.config.init;
  if (!gpu.initialized) see();
  if (gpu.visible.empty()) return NO_DEVICE;
  gpu.initialized = true;
  return OK;
}

API int cuDriverGetVersion(int *version) {
  ENTER(NOTHING);
  *version = gpu.config.driver;
  return OK;
}

API int cuGetErrorName(int code, const char **name) {
  static thread_local std::string text;
  text = "CUDA_ERROR_" + std::to_string(code);
  *name = text.c_str();
  return OK;
}

API int cuGetErrorString(int code, const char **text) { return cuGetErrorName(code, text); }

static bool is_device(int device) { return device >= 0 && device < (int)gpu.visible.size(); }

API int cuDeviceGetCount(int *count) {
  ENTER(DEVICE);
  *count = (int)gpu.visible.size();
  return OK;
}

API int cuDeviceGet(int *device, int ordinal) {
  ENTER(DEVICE);
  if (!is_device(ordinal)) return INVALID_DEVICE;
  *device = ordinal;
  return OK;
}

API int cuDeviceGetName(char *name, int length, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  snprintf(name, length, "%s", gpu.config.name(gpu.visible[device] % 8 - 1).c_str());
  return OK;
}

// Before version 2 a MIG instance had the UUID of its GPU.
API int cuDeviceGetUuid(unsigned char *uuid, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  gpu.config.uuid(gpu.visible[device] / 8, -1, uuid);
  if (gpu.config.no_uuids) memset(uuid, 0, 16);
  return OK;
}

API int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  if (gpu.config.old_uuids || gpu.config.no_uuids) return cuDeviceGetUuid(uuid, device);
  gpu.config.uuid(gpu.visible[device] / 8, gpu.visible[device] % 8 - 1, uuid);
  return OK;
}

API int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  *bytes = gpu.config.memory;
  return OK;
}

API int cuDeviceGetPCIBusId(char *id, int length, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  snprintf(id, length, "0000:%02x:00.0", 0x3b + gpu.visible[device] / 8);
  return OK;
}

API int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  const machine &m = gpu.config;
  switch (attribute) {
  case 1: *value = 1024; return OK;      // threads per block
  case 8: *value = 48 << 10; return OK;  // shared memory per block
  case 10: *value = 32; return OK;       // warp
  case 11: *value = 0x7fffffff; return OK; // pitch
  case 16: *value = m.multiprocessors; return OK;
  case 20: *value = m.mode; return OK;
  case 32: *value = 1; return OK;        // ECC
  case 38: *value = 60 << 20; return OK; // L2
  case 39: *value = 2048; return OK;     // threads per multiprocessor
  case 75: *value = m.major; return OK;
  case 76: *value = m.minor; return OK;
  case 95: *value = 1; return OK;        // cooperative launch
  case 97: *value = m.shared(); return OK; // opt-in shared memory
  case 115: *value = m.pools; return OK;
  }
  return INVALID_VALUE;
}

API int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  gpu.flags = flags;
  return OK;
}

API int cuDevicePrimaryCtxRetain(void **out, int device) {
  ENTER(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  if (gpu.lost) return gpu.lost;
  context *&c = gpu.contexts[device];
  if (!c) c = new context{device};
  c->references++;
  *out = c;
  return OK;
}

API int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER_RELEASE(DEVICE);
  if (!is_device(device)) return INVALID_DEVICE;
  context *c = gpu.contexts[device];
  if (!c || !c->references) {
    violation("a primary context was released more often than retained");
    return INVALID_CONTEXT;
  }
  c->references--;
  return entry.after;
}

API int cuCtxPushCurrent_v2(void *handle) {
  ENTER(DEVICE);
  context *c = (context *)handle;
  if (!c || !std::count(gpu.contexts.begin(), gpu.contexts.end(), c)) return INVALID_CONTEXT;
  if (!c->references) return CONTEXT_DESTROYED;
  context_stack.push_back(c);
  gpu.pushed++;
  return OK;
}

API int cuCtxPopCurrent_v2(void **handle) {
  ENTER_RELEASE(DEVICE);
  if (context_stack.empty()) return INVALID_CONTEXT;
  if (handle) *handle = context_stack.back();
  context_stack.pop_back();
  gpu.pushed--;
  return entry.after;
}

API int cuCtxGetCurrent(void **handle) {
  ENTER(DEVICE);
  *handle = rz_emu_context();
  return OK;
}

API int cuCtxSynchronize(void) {
  ENTER(CONTEXT);
  if (capturing(__func__, nullptr)) return CAPTURE_UNSUPPORTED;
  return drain_all();
}
