// The emulated machine, as the options describe it: a list such as
//   devices=2;mem=1GiB;cc=9.0;driver=12040;cuMemAlloc_v2:5=2
// separated by semicolons, from the environment variable RZ_EMU or from
// rz_emu_ctl. Shared by the stand-ins of the driver and of NVML.
#ifndef RZ_MACHINE_H
#define RZ_MACHINE_H

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#ifndef EMU_CUDA
#define EMU_CUDA 12040
#endif

// fault is name:nth=code; with ! the device is lost from then on.
struct fault {
  std::string name;
  long nth;
  int code;
  bool sticky;
};

struct machine {
  int devices = 1;
  int mig = 0;             // instances per GPU, 0: MIG is off
  uint64_t memory = 16ull << 30;
  int major = 9, minor = 0;
  int driver = EMU_CUDA;   // as cuDriverGetVersion tells it
  int init = 0;            // what cuInit returns
  int nvml = 0;            // what nvmlInit returns
  int mode = 0;            // compute mode
  bool eager = false;      // streams run at once
  bool strict = false;     // asynchronous copies want pinned memory
  bool protect = false;    // the host must not touch device memory
  int multiprocessors = 4; // few, blocks cost more here
  bool pools = true;
  int order = 0;           // of the threads of a block: forward, reversed, random
  unsigned seed = 1;
  double bandwidth = 20e9; // bytes per second between host and device
  bool old_uuids = false;  // NVML and CUDA know no UUIDs of MIG instances, as before CUDA 11.4
  bool no_uuids = false;   // CUDA tells all GPUs apart by their bus addresses alone
  std::vector<uint64_t> taken; // bytes that other processes hold, by GPU
  int on = -1;             // the GPU that the faults are of, -1: of all
  std::vector<fault> faults;
  std::string error;       // the first option that was not understood

  // The most shared memory of a block, in bytes.
  int shared() const {
    int cc = major * 10 + minor;
    return cc >= 120 || cc == 86 || cc == 89 ? 101376 : cc >= 90 ? 232448 : cc == 75 ? 65536 : 166912;
  }

  std::string name(int instance = -1) const {
    return instance < 0 ? "NVIDIA H200 (emulated)" : "NVIDIA H200 MIG 1g.18gb (emulated)";
  }

  uint64_t taken_of(int i) const { return (size_t)i < taken.size() ? taken[i] : 0; }

  // The 16 bytes of the UUID of GPU i, or of its MIG instance.
  void uuid(int i, int instance, unsigned char out[16]) const {
    memcpy(out, "\x52\x69\x74\x7a\x00\x00\x40\x00\x80\x00\x00\x00\x00\x00\x00\x00", 16);
    out[15] = (unsigned char)i;
    out[4] = (unsigned char)(instance + 1);
  }

  std::string uuid_text(int i, int instance = -1) const {
    unsigned char u[16];
    if (old_uuids && instance >= 0) return "MIG-" + uuid_text(i) + "/" + std::to_string(instance + 1) + "/0";
    uuid(i, instance, u);
    std::string s = instance < 0 ? "GPU-" : "MIG-";
    for (int b = 0; b < 16; b++) {
      char hex[4];
      snprintf(hex, sizeof hex, "%02x", u[b]);
      if (b == 4 || b == 6 || b == 8 || b == 10) s += '-';
      s += hex;
    }
    return s;
  }

  static uint64_t bytes(const std::string &v) {
    char *unit;
    double n = strtod(v.c_str(), &unit);
    for (auto u : {"KiB", "MiB", "GiB"}) {
      n *= 1024;
      if (!strcmp(unit, u)) return (uint64_t)n;
    }
    return strtoull(v.c_str(), nullptr, 10);
  }

  void set(const std::string &option) {
    size_t equals = option.find('='), colon = option.find(':');
    std::string key = option.substr(0, equals), value = equals == std::string::npos ? "" : option.substr(equals + 1);
    int n = atoi(value.c_str());
    if (option.rfind("lost@", 0) == 0 && colon != std::string::npos)
      faults.push_back({option.substr(5, colon - 5), atol(option.c_str() + colon + 1), 999, true});
    else if (colon != std::string::npos && equals != std::string::npos && colon < equals)
      faults.push_back({option.substr(0, colon), atol(option.c_str() + colon + 1), n, value.back() == '!'});
    else if (key == "devices") devices = n;
    else if (key == "mig") mig = n;
    else if (key == "on") on = n;
    else if (key == "mem") memory = bytes(value);
    else if (key == "olduuids") old_uuids = true;
    else if (key == "nouuids") no_uuids = true;
    else if (key == "taken") { // taken=9GiB,0,2GiB
      for (size_t at = 0; at <= value.size();) {
        size_t end = std::min(value.find(',', at), value.size());
        taken.push_back(bytes(value.substr(at, end - at)));
        at = end + 1;
      }
    }
    else if (key == "cc") sscanf(value.c_str(), "%d.%d", &major, &minor);
    else if (key == "driver") driver = n;
    else if (key == "init") init = n;
    else if (key == "nvml") nvml = n;
    else if (key == "mode") mode = n;
    else if (key == "eager") eager = true;
    else if (key == "strict") strict = true;
    else if (key == "protect") protect = true;
    else if (key == "sms") multiprocessors = n;
    else if (key == "nopools") pools = false;
    else if (key == "order") order = value == "reversed" ? 1 : value == "random" ? 2 : 0;
    else if (key == "seed") seed = n;
    else if (key == "h2d") bandwidth = atof(value.c_str()) * 1e9; // "2GB/s"
    else if (error.empty()) error = option;
  }

  static machine parse(const std::string &options) {
    machine m;
    for (size_t at = 0; at < options.size();) {
      size_t end = options.find(';', at);
      if (end == std::string::npos) end = options.size();
      if (end > at) m.set(options.substr(at, end - at));
      at = end + 1;
    }
    return m;
  }

  static machine from_environment() {
    const char *options = getenv("RZ_EMU");
    return parse(options ? options : "");
  }
};

#endif
