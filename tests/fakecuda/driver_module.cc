//go:build ignore

// Modules and launches of the stand-in driver. An image is either PTX text,
// whose entries are looked up among the kernels of librzkernels.so, compiled
// for the CPU from the same sources, or a library that the stand-in NVRTC made.
#include <atomic>
#include "driver.h"

#include <dlfcn.h>
#include <fstream>
#include <glob.h>
#include <iterator>
#include <link.h>
#include <unistd.h>

// The folder of this library.
static std::string here() {
  Dl_info info;
  dladdr((void *)&here, &info);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

// write_log puts text into the error log among the options of a load.
void write_log(const char *text, unsigned n, int *options, void **values) {
  char *log = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i < n; i++) {
    if (options[i] == 5) log = (char *)values[i];
    if (options[i] == 6) bytes = (size_t)values[i];
  }
  if (log && bytes) snprintf(log, bytes, "%s", text);
}

// ptx_entry is what a PTX image says of one kernel.
struct ptx_entry {
  std::string name;
  std::vector<int> sizes;
};

static int width(const std::string &type) { return atoi(type.c_str() + 1) / 8; }

// parse_ptx reads the version (84 for 8.4), the target and the entries.
static bool parse_ptx(const std::string &text, int *version, int *target, std::vector<ptx_entry> *entries) {
  int major, minor;
  size_t at = text.find(".version"), aim = text.find(".target sm_");
  if (at == std::string::npos || aim == std::string::npos) return false;
  if (sscanf(text.c_str() + at, ".version %d.%d", &major, &minor) != 2) return false;
  *version = major * 10 + minor;
  *target = atoi(text.c_str() + aim + 11);
  for (at = 0; (at = text.find(".entry ", at)) != std::string::npos; at++) {
    size_t open = text.find('(', at), close = text.find(')', open);
    if (close == std::string::npos) return false;
    ptx_entry e;
    e.name = text.substr(at + 7, open - at - 7);
    while (!e.name.empty() && isspace((unsigned char)e.name.back())) e.name.pop_back();
    std::string list = text.substr(open, close - open);
    for (size_t p = 0; (p = list.find(".param .", p)) != std::string::npos; p++) e.sizes.push_back(width(list.substr(p + 8, 4)));
    entries->push_back(e);
  }
  return true;
}

static const rz_emu_kernel *kernel_of(void *library, const std::string &name) {
  return (const rz_emu_kernel *)dlsym(library, ("rz_emu_kernel_" + name).c_str());
}

// access_of tells of each parameter whether it is a value (v) or points to what
// is read (r) or written (w).
static const char *access_of(void *library, const std::string &name) {
  auto letters = (const char *const *)dlsym(library, ("rz_emu_access_" + name).c_str());
  return letters ? *letters : nullptr;
}

// read_facts finds the kernels of a PTX text. Shared memory is declared before
// them and belongs to those that name it, each variable at a multiple of its
// alignment; what is dynamic comes behind all of it.
static void read_facts(const std::string &text, std::map<std::string, facts> *all) {
  struct variable {
    std::string name;
    int alignment, bytes;
  };
  std::vector<variable> variables;
  for (size_t at = 0; (at = text.find(".shared .align ", at)) != std::string::npos; at++) {
    int alignment, bits, count = 1;
    char name[1000];
    if (sscanf(text.c_str() + at, ".shared .align %d .%*[a-z]%d %999[^[;][%d]", &alignment, &bits, name, &count) < 3) continue;
    bool dynamic = text.compare(text.find_first_of("[;", at), 2, "[]") == 0;
    variables.push_back({name, alignment, dynamic ? 0 : bits / 8 * count});
  }
  for (size_t at = 0; (at = text.find(".entry ", at)) != std::string::npos; at++) {
    size_t open = text.find('(', at), end = text.find("\n}", open), bound = text.find(".maxntid ", open);
    if (end == std::string::npos) return;
    facts &f = (*all)[text.substr(at + 7, open - at - 7)];
    if (bound < end) f.threads = atoi(text.c_str() + bound + 9);
    std::string body = text.substr(open, end - open);
    for (bool dynamic : {false, true})
      for (auto &v : variables)
        if ((v.bytes == 0) == dynamic && body.find(v.name) != std::string::npos)
          f.shared = (f.shared + v.alignment - 1) / v.alignment * v.alignment + v.bytes;
  }
}

// facts_of looks a kernel up in the PTX text of its module, or, if that is a
// library, in the texts beside this one.
static facts facts_of(const module &m, const std::string &name) {
  static const auto all = [] {
    std::map<std::string, facts> all;
    glob_t found = {};
    glob((here() + "/*.ptx").c_str(), 0, nullptr, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
      std::ifstream file(found.gl_pathv[i]);
      read_facts(std::string(std::istreambuf_iterator<char>(file), {}), &all);
    }
    globfree(&found);
    return all;
  }();
  auto &where = m.entries.empty() ? all : m.entries;
  auto i = where.find(name);
  return i == where.end() ? facts() : i->second;
}

// load_ptx refuses what a driver would refuse, and kernels that do not agree
// with the sources: such PTX is stale.
static int load_ptx(const std::string &text, module *m, std::string *error) {
  int version, target;
  std::vector<ptx_entry> entries;
  if (!parse_ptx(text, &version, &target, &entries)) return *error = "not a PTX text", INVALID_PTX;
  int newest = gpu.config.driver >= 13000 ? 90 : gpu.config.driver >= 12040 ? 84 : gpu.config.driver >= 12000 ? 80 : 78;
  if (version > newest) return *error = "Unsupported .version", UNSUPPORTED_PTX;
  if (target > gpu.config.major * 10 + gpu.config.minor) return *error = "the target is newer than the GPU", NO_BINARY;
  m->library = dlopen((here() + "/librzkernels.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!m->library) return *error = dlerror(), INVALID_PTX;
  for (auto &e : entries) {
    auto k = kernel_of(m->library, e.name);
    if (!k) return *error = "no kernel " + e.name + " in the sources", INVALID_PTX;
    if (k->count != (int)e.sizes.size() || !std::equal(e.sizes.begin(), e.sizes.end(), k->sizes))
      return *error = "the parameters of " + e.name + " differ from the sources", INVALID_PTX;
    m->entries[e.name];
  }
  read_facts(text, &m->entries);
  return OK;
}

// elf_size returns the length of an ELF image: its section headers come last.
static size_t elf_size(const unsigned char *image) {
  uint64_t headers;
  uint16_t size, count;
  memcpy(&headers, image + 40, 8), memcpy(&size, image + 58, 2), memcpy(&count, image + 60, 2);
  return headers + (size_t)size * count;
}

// load_elf opens an image of the stand-in NVRTC. Behind the ELF file stands
// the architecture, such as "sm_90a".
static int load_elf(const char *image, module *m, std::string *error) {
  size_t bytes = elf_size((const unsigned char *)image);
  int arch = 0, length = 0;
  if (sscanf(image + bytes, "sm_%d%n", &arch, &length) != 1) return *error = "the image is truncated", INVALID_IMAGE;
  int own = gpu.config.major * 10 + gpu.config.minor;
  bool exact = image[bytes + length] == 'a';
  if (arch / 10 != own / 10 || arch > own || (exact && arch != own)) return *error = "compiled for another GPU", NO_BINARY;
  static std::map<std::string, void *> kept; // opened once, and never closed
  auto &library = kept[std::string(image, bytes)];
  m->kept = true;
  if (m->library = library; library) return OK;
  // A name of its own for each image: dlopen takes two files of one name for
  // the same library.
  char path[] = "/tmp/ritz-cubin-XXXXXX";
  int file = mkstemp(path);
  bool written = file >= 0 && write(file, image, bytes) == (ssize_t)bytes;
  if (file >= 0) close(file);
  if (written) m->library = library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  unlink(path);
  if (!written) return *error = "no temporary file", OUT_OF_MEMORY;
  if (!m->library) return *error = dlerror(), INVALID_IMAGE;
  return OK;
}

// place is where a module keeps its shared memory.
struct place {
  uint64_t base;
  unsigned char *(*shared)();
};

// spoil fills the static shared memory of a module with NaN: all thread-local
// variables of its library but the dynamic shared memory.
static void spoil(const void *where) {
  auto at = (const place *)where;
  unsigned char *dynamic = at->shared(); // makes sure that there are any
  auto visit = [](dl_phdr_info *info, size_t, void *data) {
    auto find = (std::pair<uint64_t, unsigned char *> *)data;
    if (info->dlpi_addr != find->first || !info->dlpi_tls_data) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
      if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
      auto from = (unsigned char *)info->dlpi_tls_data, to = from + info->dlpi_phdr[i].p_memsz;
      unsigned char *hole = find->second, *end = hole + RZ_EMU_MAX_SHARED + RZ_EMU_GUARD;
      memset(from, 0xFF, hole - from);
      memset(end, 0xFF, to - end);
    }
    return 1;
  };
  std::pair<uint64_t, unsigned char *> find(at->base, dynamic);
  dl_iterate_phdr(visit, &find);
}

API int cuModuleLoadDataEx(void **out, const void *image, unsigned n, int *options, void **values) {
  ENTER(CONTEXT);
  if (unsafe(__func__)) return CAPTURE_UNSUPPORTED;
  auto m = std::make_unique<module>();
  m->owner = entry.current, m->library = nullptr;
  std::string error;
  const char *text = (const char *)image;
  int code = memcmp(text, "\177ELF", 4) == 0 ? load_elf(text, m.get(), &error) : load_ptx(text, m.get(), &error);
  if (code) {
    write_log(error.c_str(), n, options, values);
    if (m->library && !m->kept) dlclose(m->library);
    return code;
  }
  link_map *map;
  dlinfo(m->library, RTLD_DI_LINKMAP, &map);
  m->base = map->l_addr;
  gpu.modules.insert(m.get());
  *out = m.release();
  return OK;
}

API int cuModuleUnload(void *handle) {
  ENTER_RELEASE(CONTEXT);
  module *m = (module *)handle;
  if (!gpu.modules.count(m)) return INVALID_HANDLE;
  if (int code = drain_all()) return code;
  for (auto &f : m->functions) gpu.functions.erase(f.second.get());
  gpu.modules.erase(m);
  if (!m->kept) dlclose(m->library);
  delete m;
  return entry.after;
}

API int cuModuleGetFunction(void **out, void *handle, const char *name) {
  ENTER(CONTEXT);
  module *m = (module *)handle;
  if (!gpu.modules.count(m)) return INVALID_HANDLE;
  auto &slot = m->functions[name];
  if (!slot) {
    auto k = m->entries.empty() || m->entries.count(name) ? kernel_of(m->library, name) : nullptr;
    if (!k) {
      m->functions.erase(name);
      return NOT_FOUND;
    }
    auto known = facts_of(*m, name);
    slot.reset(new function{m, name, k, access_of(m->library, name), known.shared, known.threads});
    gpu.functions.insert(slot.get());
  }
  *out = slot.get();
  return OK;
}

API int cuFuncGetAttribute(int *value, int attribute, void *handle) {
  ENTER(CONTEXT);
  function *f = (function *)handle;
  if (!gpu.functions.count(f)) return INVALID_HANDLE;
  switch (attribute) {
  case 0: *value = f->threads; return OK; // of a block
  case 1: *value = f->static_shared; return OK;
  case 3: *value = 0; return OK; // local memory: not known here
  case 4: *value = 32; return OK;   // registers
  case 8: *value = f->dynamic_shared; return OK;
  }
  return INVALID_VALUE;
}

API int cuFuncSetAttribute(void *handle, int attribute, int value) {
  ENTER(CONTEXT);
  function *f = (function *)handle;
  if (!gpu.functions.count(f)) return INVALID_HANDLE;
  if (attribute != 8 || value < 0 || value + f->static_shared > gpu.config.shared()) {
    violation("%s: %d bytes of dynamic and %d of static shared memory are more than a block has", f->name.c_str(), value, f->static_shared);
    return INVALID_VALUE;
  }
  f->dynamic_shared = value;
  return OK;
}

API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *handle, int threads, size_t) {
  ENTER(CONTEXT);
  if (!gpu.functions.count((function *)handle)) return INVALID_HANDLE;
  if (threads < 1 || threads > 1024) return INVALID_VALUE;
  *blocks = 2048 / threads;
  return OK;
}

// misaligned is the first access of a running kernel that its type's alignment
// does not allow. Kernels are compiled with checks that call this.
static std::atomic<bool> misaligned;
static char misaligned_where[200];

extern "C" __attribute__((visibility("default"))) void __ubsan_handle_type_mismatch_v1(void *data, uint64_t address) {
  struct {
    const char *file;
    uint32_t line, column;
    void *type;
    unsigned char alignment, kind; // the logarithm of the one
  } at;
  memcpy(&at, data, sizeof at);
  if (!misaligned.exchange(true))
    snprintf(misaligned_where, sizeof misaligned_where, "%s:%u: an access at %#llx, which is no multiple of %d", at.file, at.line,
             (unsigned long long)address, 1 << at.alignment);
}

// launch holds the copied arguments of a launch until it runs.
struct launch {
  const rz_emu_kernel *kernel;
  std::vector<uint64_t> values;
  std::vector<void *> params;

  launch(const rz_emu_kernel *k, void **from) : kernel(k) {
    size_t words = 0;
    for (int i = 0; i < k->count; i++) words += (k->sizes[i] + 7) / 8;
    values.resize(words + 1);
    uint64_t *at = values.data();
    for (int i = 0; i < k->count; i++) {
      memcpy(at, from[i], k->sizes[i]);
      params.push_back(at);
      at += (k->sizes[i] + 7) / 8;
    }
  }
};

// named adds the memory that the pointers among the arguments of a launch
// point into, each up to the end of its allocation.
static bool named(const function &f, void **params, std::vector<use> *uses) {
  for (int i = 0; f.access && f.access[i]; i++) {
    uint64_t at;
    memcpy(&at, params[i], sizeof at * (f.access[i] != 'v'));
    if (f.access[i] == 'v' || !at) continue;
    allocation *a = find(at, 0);
    if (!a) {
      violation("%s: argument %d points to no device memory", f.name.c_str(), i + 1);
      return false;
    }
    uses->push_back({{at, a->address + a->bytes - at, 1, 0, f.access[i] == 'w'}, a->number});
  }
  return true;
}

API int cuLaunchKernel(void *handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void *s, void **params, void **extra) {
  ENTER(CONTEXT);
  function *f = (function *)handle;
  if (!gpu.functions.count(f) || f->owner->owner != entry.current || !valid(s)) return INVALID_HANDLE;
  uint64_t threads = (uint64_t)bx * by * bz;
  bool fits = gx && gy && gz && gx <= 0x7fffffffu && gy <= 65535 && gz <= 65535 && threads && threads <= (uint64_t)f->threads && bz <= 64;
  if (!fits || (int)shared > f->dynamic_shared || extra || (!params && f->kernel->count)) {
    violation("launch of %s refused: grid (%u,%u,%u), block (%u,%u,%u), %u bytes of shared memory", f->name.c_str(), gx, gy, gz,
              bx, by, bz, shared);
    return INVALID_VALUE;
  }
  int bytes = 0;
  for (int i = 0; i < f->kernel->count; i++) bytes += f->kernel->sizes[i];
  if (bytes > 4096) {
    violation("%s: %d bytes of arguments, and no more than 4096 are passed", f->name.c_str(), bytes);
    return INVALID_VALUE;
  }
  std::vector<use> uses;
  if (!named(*f, params, &uses)) return INVALID_VALUE;
  auto l = std::make_shared<launch>(f->kernel, params);
  std::string name = f->name;
  place where = {f->owner->base, f->kernel->shared};
  auto run = [=] {
    rz_emu_launch what = {l->kernel->run, l->kernel->shared, l->params.data(), dim3(gx, gy, gz), dim3(bx, by, bz), shared,
                          gpu.config.order, gpu.config.seed, spoil, &where};
    misaligned = false;
    const char *error = rz_emu_run(&what);
    check_guards(name.c_str());
    if (error) {
      violation("kernel %s: %s", name.c_str(), error);
      return LAUNCH_FAILED;
    }
    if (misaligned) {
      violation("kernel %s: %s", name.c_str(), misaligned_where);
      return MISALIGNED;
    }
    return OK;
  };
  return enqueue(s, {name, run, l, 5e-6, uses});
}
