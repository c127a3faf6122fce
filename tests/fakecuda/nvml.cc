//go:build ignore

// Stand-in for libnvidia-ml.so.1: the GPUs of the emulated machine, in the
// order of their bus addresses and whatever CUDA_VISIBLE_DEVICES says.
#include "machine.h"

#define API extern "C" __attribute__((visibility("default"))) int

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

static machine config;
static int references;

// handle is a GPU, or an instance of it.
struct handle {
  int gpu, instance;
};
static handle handles[16][9]; // instance -1 first

static int text(char *out, unsigned length, const std::string &s) {
  if (length <= s.size()) return INSUFFICIENT_SIZE;
  memcpy(out, s.c_str(), s.size() + 1);
  return SUCCESS;
}

API nvmlInit_v2(void) {
  config = machine::from_environment();
  if (config.nvml) return config.nvml;
  references++;
  return SUCCESS;
}

API nvmlShutdown(void) {
  if (!references) return UNINITIALIZED;
  references--;
  return SUCCESS;
}

API nvmlSystemGetDriverVersion(char *out, unsigned length) {
  return text(out, length, std::to_string(config.driver / 1000 * 50 - 50) + ".0.0-emulated");
}

API nvmlSystemGetCudaDriverVersion(int *version) {
  *version = config.driver;
  return SUCCESS;
}

API nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

API nvmlDeviceGetCount_v2(unsigned *count) {
  if (!references) return UNINITIALIZED;
  *count = config.devices;
  return SUCCESS;
}

static handle *get(int gpu, int instance) {
  handle *h = &handles[gpu][instance + 1];
  *h = {gpu, instance};
  return h;
}

API nvmlDeviceGetHandleByIndex_v2(unsigned index, handle **out) {
  if (index >= (unsigned)config.devices) return INVALID_ARGUMENT;
  *out = get(index, -1);
  return SUCCESS;
}

API nvmlDeviceGetName(handle *h, char *out, unsigned length) { return text(out, length, config.name(h->instance)); }

API nvmlDeviceGetUUID(handle *h, char *out, unsigned length) {
  return text(out, length, config.uuid_text(h->gpu, h->instance));
}

API nvmlDeviceGetCudaComputeCapability(handle *, int *major, int *minor) {
  *major = config.major, *minor = config.minor;
  return SUCCESS;
}

struct memory {
  unsigned long long total, free, used;
};

API nvmlDeviceGetMemoryInfo(handle *h, memory *m) {
  unsigned long long share = h->instance < 0 ? 1 : config.mig;
  m->total = config.memory / share;
  m->used = m->total / 64 + config.taken_of(h->gpu); // the driver's own, and that of others
  m->free = m->total - m->used;
  return SUCCESS;
}

API nvmlDeviceGetComputeMode(handle *, int *mode) {
  *mode = config.mode;
  return SUCCESS;
}

// nvmlPciInfo_t
struct pci {
  char legacy[16];
  unsigned domain, bus, device, id, subsystem;
  char bus_id[32];
};

API nvmlDeviceGetPciInfo_v3(handle *h, pci *p) {
  *p = {};
  p->bus = 0x3b + h->gpu;
  snprintf(p->bus_id, sizeof p->bus_id, "00000000:%02X:00.0", p->bus);
  return SUCCESS;
}
API nvmlDeviceGetPciInfo_v2(handle *h, pci *p) { return nvmlDeviceGetPciInfo_v3(h, p); }
API nvmlDeviceGetPciInfo(handle *h, pci *p) { return nvmlDeviceGetPciInfo_v3(h, p); }

API nvmlDeviceGetMigMode(handle *, unsigned *current, unsigned *pending) {
  *current = *pending = config.mig > 0;
  return SUCCESS;
}

API nvmlDeviceGetMaxMigDeviceCount(handle *, unsigned *count) {
  *count = config.mig ? 7 : 0;
  return SUCCESS;
}

API nvmlDeviceGetMigDeviceHandleByIndex(handle *h, unsigned index, handle **out) {
  if (index >= (unsigned)config.mig) return NOT_FOUND;
  *out = get(h->gpu, index);
  return SUCCESS;
}
