//go:build ignore

// Stand-in for NVRTC: compiles for the CPU with g++. The "cubin" is an ELF
// library followed by the name of the architecture.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

#include "emu_driver.h"

#ifndef EMU_CUDA
#define EMU_CUDA 12040
#endif

#define API extern "C" __attribute__((visibility("default")))

enum { OK = 0, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6, INTERNAL = 11 };

struct program {
  std::string source, name, log, image;
  std::vector<std::string> texts, names; // headers
};

static std::vector<int> archs() {
  if (EMU_CUDA >= 13000) return {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
  if (EMU_CUDA >= 12000) return {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
  return {35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
}

// fault asks the stand-in driver, if it is loaded, for an injected failure.
static int fault(const char *name) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (!driver) return OK;
  auto ask = (int (*)(const char *))dlsym(driver, "rz_emu_nvrtc_fault");
  return ask ? ask(name) : OK;
}

#define ENTER                          \
  if (int code = fault(__func__)) return code

static std::string here() {
  Dl_info info;
  dladdr((void *)&here, &info);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

API int nvrtcVersion(int *major, int *minor) {
  ENTER;
  *major = EMU_CUDA / 1000, *minor = EMU_CUDA % 1000 / 10;
  return OK;
}

API int nvrtcGetNumSupportedArchs(int *count) {
  ENTER;
  *count = (int)archs().size();
  return OK;
}

API int nvrtcGetSupportedArchs(int *out) {
  ENTER;
  for (int a : archs()) *out++ = a;
  return OK;
}

API const char *nvrtcGetErrorString(int code) {
  static thread_local char text[32];
  snprintf(text, sizeof text, "NVRTC_ERROR_%d", code);
  return text;
}

API int nvrtcCreateProgram(void **out, const char *source, const char *name, int headers, const char *const *texts,
                           const char *const *names) {
  ENTER;
  if (!out || !source || headers < 0) return INVALID_INPUT;
  auto p = new program{source, name ? name : "default_program", "", "", {}, {}};
  p->texts.assign(texts, texts + headers);
  p->names.assign(names, names + headers);
  *out = p;
  return OK;
}

API int nvrtcDestroyProgram(void **handle) {
  delete (program *)*handle;
  *handle = nullptr;
  ENTER;
  return OK;
}

// parse checks the options as NVRTC does; arch becomes "90a", flags what g++
// gets as well.
static std::string parse(int n, const char *const *options, std::string *arch, std::string *flags) {
  for (int i = 0; i < n; i++) {
    std::string o = options[i], value = o.substr(o.find('=') + 1);
    if (o.rfind("--gpu-architecture=", 0) == 0 || o.rfind("-arch=", 0) == 0) {
      if (value.rfind("sm_", 0)) return "only sm_… is emulated: " + o;
      *arch = value.substr(3);
      int number = atoi(arch->c_str());
      bool known = false;
      for (int a : archs()) known |= a == number;
      if (arch->back() == 'a') known = known && number >= 90 && EMU_CUDA >= 12000;
      if (!known) return "invalid value for --gpu-architecture (-arch): " + value;
    } else if (o.rfind("-D", 0) == 0 || o.rfind("--define-macro=", 0) == 0) {
      *flags += " '-D" + (o[1] == 'D' ? o.substr(2) : value) + "'";
    } else if (o.rfind("--std=", 0) && o.rfind("-std=", 0) && o.rfind("--fmad=", 0) && o != "-default-device" &&
               o != "--device-as-default-execution-space" && o.rfind("--generate-line-info", 0) && o != "-lineinfo" &&
               o.rfind("--extra-device-vectorization", 0)) {
      return "unrecognized option " + o;
    }
  }
  return "";
}

static std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static void write(const std::string &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }

// kept is where the library of a program lies for the next one like it, of any
// emulated version: what g++ makes does not depend on the architecture.
static std::string kept(const program &p, const std::string &flags) {
  std::string all = read(here() + "/emu.h") + read(here() + "/access.h") + read(here() + "/emucc.sh") + flags + p.name + '\0' + p.source;
  for (size_t i = 0; i < p.names.size(); i++) all += '\0' + p.names[i] + '\0' + p.texts[i];
  unsigned long long a = 0xcbf29ce484222325, b = 0x84222325cbf29ce4; // FNV-1a, twice
  for (unsigned char c : all) a = (a ^ c) * 0x100000001b3, b = (b ^ c) * 0x100000001b5;
  char name[64];
  snprintf(name, sizeof name, "/../%016llx%016llx-nvrtc.so", a, b);
  return here() + name;
}

API int nvrtcCompileProgram(void *handle, int n, const char *const *options) {
  ENTER;
  auto p = (program *)handle;
  if (!p) return INVALID_PROGRAM;
  std::string arch = EMU_CUDA >= 13000 ? "75" : "52", flags;
  p->log = parse(n, options, &arch, &flags);
  if (!p->log.empty()) return INVALID_OPTION;
  std::string library = kept(*p, flags), trailer = "sm_" + arch + std::string(1, '\0');
  if (std::string found = read(library); !found.empty()) {
    utimes(library.c_str(), nullptr); // in use: sweep leaves it
    p->image = found + trailer;
    return OK;
  }
  char folder[] = "/tmp/ritz-nvrtc-XXXXXX";
  if (!mkdtemp(folder)) return INTERNAL;
  std::string dir = folder;
  // The source refers to line 1 of the name the caller gave.
  write(dir + "/source.cu", "#line 1 \"" + p->name + "\"\n" + p->source);
  for (size_t i = 0; i < p->names.size(); i++) write(dir + "/" + p->names[i], p->texts[i]);
  std::string command = "sh '" + here() + "/emucc.sh' " + dir + "/out.so '" + here() + "' " + dir + "/source.cu -- -I" + dir +
                        flags + " >" + dir + "/log 2>&1";
  int status = system(command.c_str());
  p->log = read(dir + "/log");
  p->image = status ? "" : read(dir + "/out.so") + trailer;
  if (!status && p->log.empty()) { // another process may be at it: under its own name first
    std::string own = library + "." + std::to_string(getpid());
    write(own, read(dir + "/out.so"));
    rename(own.c_str(), library.c_str());
  }
  if (system(("rm -rf " + dir).c_str())) return INTERNAL;
  return status ? COMPILATION : OK;
}

API int nvrtcGetCUBINSize(void *handle, size_t *bytes) {
  ENTER;
  *bytes = ((program *)handle)->image.size();
  return OK;
}

API int nvrtcGetCUBIN(void *handle, char *image) {
  ENTER;
  auto p = (program *)handle;
  memcpy(image, p->image.data(), p->image.size());
  return OK;
}

API int nvrtcGetProgramLogSize(void *handle, size_t *bytes) {
  ENTER;
  *bytes = ((program *)handle)->log.size() + 1;
  return OK;
}

API int nvrtcGetProgramLog(void *handle, char *log) {
  ENTER;
  auto p = (program *)handle;
  memcpy(log, p->log.c_str(), p->log.size() + 1);
  return OK;
}
