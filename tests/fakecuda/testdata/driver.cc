// Exercises the stand-in driver's rules directly: each check is one thing
// that a program under test may get wrong. Prints what does not hold.
#include "emu_driver.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern "C" {
int cuInit(unsigned);
int cuDeviceGetCount(int *);
int cuDevicePrimaryCtxRetain(void **, int);
int cuDevicePrimaryCtxRelease_v2(int);
int cuCtxPushCurrent_v2(void *);
int cuCtxPopCurrent_v2(void **);
int cuMemAlloc_v2(uint64_t *, size_t);
int cuMemFree_v2(uint64_t);
int cuMemAllocAsync(uint64_t *, size_t, void *);
int cuMemFreeAsync(uint64_t, void *);
int cuDeviceGetDefaultMemPool(void **, int);
int cuMemPoolSetAttribute(void *, int, void *);
int cuMemPoolTrimTo(void *, size_t);
int cuMemGetInfo_v2(size_t *, size_t *);
int cuMemHostAlloc(void **, size_t, unsigned);
int cuMemFreeHost(void *);
int cuMemcpyHtoDAsync_v2(uint64_t, const void *, size_t, void *);
int cuMemcpyDtoHAsync_v2(void *, uint64_t, size_t, void *);
int cuMemcpyDtoDAsync_v2(uint64_t, uint64_t, size_t, void *);
int cuMemsetD8Async(uint64_t, unsigned char, size_t, void *);
int cuStreamCreateWithPriority(void **, unsigned, int);
int cuStreamDestroy_v2(void *);
int cuStreamSynchronize(void *);
int cuStreamQuery(void *);
int cuStreamBeginCapture_v2(void *, int);
int cuStreamEndCapture(void *, void **);
int cuGraphInstantiateWithFlags(void **, void *, unsigned long long);
int cuGraphLaunch(void *, void *);
int cuGraphExecDestroy(void *);
int cuGraphDestroy(void *);
int cuCtxSynchronize(void);
int cuStreamWaitEvent(void *, void *, unsigned);
int cuEventCreate(void **, unsigned);
int cuEventDestroy_v2(void *);
int cuEventRecord(void *, void *);
int cuEventSynchronize(void *);
int cuEventElapsedTime(float *, void *, void *);
int cuModuleLoadDataEx(void **, const void *, unsigned, int *, void **);
int cuModuleUnload(void *);
int cuModuleGetFunction(void **, void *, const char *);
int cuFuncSetAttribute(void *, int, int);
int cuFuncGetAttribute(int *, int, void *);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
}

static int failures;

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) {                                        \
      printf("line %d: %s does not hold\n", __LINE__, #condition); \
      failures++;                                              \
    }                                                          \
  } while (0)

static std::string report() { return rz_emu_ctl("report"); }
static bool reported(const char *text) {
  std::string r = report();
  if (r.find(text) != std::string::npos) return true;
  printf("report: \"%s\"\n", r.c_str());
  return false;
}
static void configure(const std::string &options) { CHECK(!*rz_emu_ctl(("configure " + options).c_str())); }

// session is an opened device with a stream.
struct session {
  void *context = nullptr, *stream = nullptr;

  explicit session(const char *options = "") {
    configure(options);
    CHECK(cuInit(0) == 0);
    CHECK(cuDevicePrimaryCtxRetain(&context, 0) == 0);
    CHECK(cuCtxPushCurrent_v2(context) == 0);
    CHECK(cuStreamCreateWithPriority(&stream, 1, 0) == 0);
  }
  void close() {
    CHECK(cuStreamDestroy_v2(stream) == 0);
    void *popped;
    CHECK(cuCtxPopCurrent_v2(&popped) == 0 && popped == context);
    CHECK(cuDevicePrimaryCtxRelease_v2(0) == 0);
  }
};

static void contexts() {
  session s;
  int inside = 0, outside = 0;
  uint64_t a;
  std::thread([&] { outside = cuMemAlloc_v2(&a, 8); }).join();
  inside = cuMemAlloc_v2(&a, 8);
  CHECK(outside == 201 && inside == 0);
  CHECK(reported("cuMemAlloc_v2 without a current context"));
  CHECK(reported("leak: 8 bytes of device memory"));
  CHECK(cuMemFree_v2(a) == 0);
  CHECK(cuMemFree_v2(a) == 1);
  CHECK(reported("not allocated"));
  s.close();
  CHECK(report() == "");
}

// Nothing happens before a program waits, and what it reads until then is NaN.
static void laziness() {
  session s;
  uint64_t a;
  void *memory;
  CHECK(cuMemAlloc_v2(&a, 16) == 0 && cuMemHostAlloc(&memory, 16, 0) == 0);
  unsigned char *host = (unsigned char *)memory;
  memset(host, 7, 16);
  CHECK(cuMemcpyHtoDAsync_v2(a, host, 16, s.stream) == 0);
  CHECK(*(unsigned char *)a == 0xFF);
  memset(host, 8, 16); // too early: the copy reads this
  CHECK(cuStreamQuery(s.stream) == 0); // one operation was left
  CHECK(*(unsigned char *)a == 8);
  CHECK(cuMemsetD8Async(a, 9, 16, s.stream) == 0);
  CHECK(cuMemcpyDtoHAsync_v2(host, a, 16, s.stream) == 0);
  CHECK(host[0] == 8);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(host[0] == 9);
  unsigned char pageable[16] = {1};
  CHECK(cuMemcpyHtoDAsync_v2(a, pageable, 16, s.stream) == 0);
  pageable[0] = 2; // read already
  CHECK(cuMemcpyDtoHAsync_v2(pageable, a, 16, s.stream) == 0);
  CHECK(pageable[0] == 1);
  CHECK(cuMemFree_v2(a) == 0 && cuMemFreeHost(memory) == 0);
  s.close();
  CHECK(report() == "");
}

static void bounds() {
  session s;
  uint64_t a;
  char host[32] = {};
  CHECK(cuMemAlloc_v2(&a, 16) == 0);
  CHECK(cuMemcpyHtoDAsync_v2(a, host, 17, s.stream) == 1);
  CHECK(reported("outside of device memory"));
  CHECK(cuMemcpyHtoDAsync_v2(a + 8, host, 9, s.stream) == 1);
  report();
  ((char *)a)[16] = 0; // as a kernel might
  CHECK(cuMemFree_v2(a) == 0);
  CHECK(reported("outside of an allocation of 16 bytes"));
  CHECK(cuMemAllocAsync(&a, 16, s.stream) == 0);
  CHECK(cuMemsetD8Async(a, 1, 16, s.stream) == 0);
  CHECK(cuMemFreeAsync(a, s.stream) == 0);
  CHECK(cuMemsetD8Async(a, 1, 16, s.stream) == 1); // after it was freed
  report();
  s.close();
  CHECK(report() == "");
}

static void memory_limit() {
  session s("mem=1MiB");
  uint64_t a, b;
  void *pool;
  uint64_t always = ~0ull;
  size_t free, total;
  CHECK(cuMemAlloc_v2(&a, 2 << 20) == 2);
  CHECK(cuDeviceGetDefaultMemPool(&pool, 0) == 0 && cuMemPoolSetAttribute(pool, 4, &always) == 0);
  CHECK(cuMemAllocAsync(&a, 600 << 10, s.stream) == 0);
  CHECK(cuMemFreeAsync(a, s.stream) == 0);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(cuMemAlloc_v2(&b, 600 << 10) == 2); // the pool keeps what was freed
  CHECK(cuMemPoolTrimTo(pool, 0) == 0);
  CHECK(cuMemAlloc_v2(&b, 600 << 10) == 0);
  CHECK(cuMemGetInfo_v2(&free, &total) == 0 && free == 424 << 10 && total == 1 << 20);
  CHECK(cuMemFree_v2(b) == 0);
  s.close();
  CHECK(report() == "");
}

static void events() {
  session s;
  void *other, *e, *f;
  uint64_t a;
  float ms;
  CHECK(cuStreamCreateWithPriority(&other, 1, 0) == 0);
  CHECK(cuEventCreate(&e, 0) == 0 && cuEventCreate(&f, 0) == 0 && cuMemAlloc_v2(&a, 8) == 0);
  CHECK(cuEventRecord(e, s.stream) == 0);
  CHECK(cuMemsetD8Async(a, 1, 8, s.stream) == 0);
  CHECK(cuEventRecord(f, s.stream) == 0);
  CHECK(cuStreamWaitEvent(other, f, 0) == 0);
  CHECK(cuMemsetD8Async(a, 2, 8, other) == 0);
  CHECK(cuEventElapsedTime(&ms, e, f) == 600);
  CHECK(cuStreamSynchronize(other) == 0); // first what it waits for
  CHECK(*(char *)a == 2);
  CHECK(cuEventElapsedTime(&ms, e, f) == 0 && ms > 0);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(*(char *)a == 2);
  CHECK(cuMemFree_v2(a) == 0 && cuEventDestroy_v2(e) == 0 && cuEventDestroy_v2(f) == 0 && cuStreamDestroy_v2(other) == 0);
  s.close();
  CHECK(report() == "");
}

static void faults() {
  session s("cuMemAlloc_v2:2=2;cuStreamSynchronize:1=719!");
  uint64_t a, b;
  CHECK(cuMemAlloc_v2(&a, 8) == 0);
  CHECK(cuMemAlloc_v2(&b, 8) == 2);
  CHECK(cuMemAlloc_v2(&b, 8) == 0);
  CHECK(cuStreamSynchronize(s.stream) == 719);
  CHECK(cuMemAlloc_v2(&b, 8) == 719);
  CHECK(std::string(rz_emu_ctl("calls")).find("cuMemAlloc_v2 4\n") != std::string::npos);
  CHECK(cuCtxPopCurrent_v2(nullptr) == 0);
  CHECK(report() == ""); // nothing of a lost device leaks
  CHECK(*rz_emu_ctl("configure nonsense=1"));
}

static const char *ptx = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry fill_twice(
	.param .u64 fill_twice_param_0,
	.param .f32 fill_twice_param_1
)
{
}
.visible .entry fill_pair(
	.param .u64 fill_pair_param_0,
	.param .f32 fill_pair_param_1
)
{
}
.visible .entry copy_one(
	.param .u64 copy_one_param_0,
	.param .u64 copy_one_param_1
)
{
}
.shared .align 4 .b8 s[1020];
.shared .align 4 .u32 t;
.extern .shared .align 128 .b8 rz_smem[];
.visible .entry copy_shared(
	.param .u64 copy_shared_param_0
)
.maxntid 256, 1, 1
{
	mov.u64 %rd1, s;
	mov.u64 %rd2, t;
	mov.u64 %rd3, rz_smem;
}
)";

static void modules() {
  session s;
  void *m, *f;
  CHECK(cuModuleLoadDataEx(&m, "nonsense", 0, nullptr, nullptr) == 218);
  std::string newer = ptx;
  newer.replace(newer.find("7.0"), 3, "9.9");
  CHECK(cuModuleLoadDataEx(&m, newer.c_str(), 0, nullptr, nullptr) == 222);
  newer = ptx;
  newer.replace(newer.find("sm_80"), 5, "sm_95");
  CHECK(cuModuleLoadDataEx(&m, newer.c_str(), 0, nullptr, nullptr) == 209);
  char log[100] = "";
  int options[] = {5, 6};
  void *values[] = {log, (void *)sizeof log};
  newer = ptx;
  newer.replace(newer.find(".f32 "), 4, ".f64");
  CHECK(cuModuleLoadDataEx(&m, newer.c_str(), 2, options, values) == 218 && strstr(log, "differ"));
  CHECK(cuModuleLoadDataEx(&m, ptx, 0, nullptr, nullptr) == 0);
  CHECK(cuModuleGetFunction(&f, m, "absent") == 500);
  CHECK(cuModuleGetFunction(&f, m, "fill_twice") == 0);

  uint64_t a;
  float v = 3;
  void *params[] = {&a, &v};
  CHECK(cuMemAlloc_v2(&a, 256 * 4) == 0);
  CHECK(cuLaunchKernel(f, 0, 1, 1, 128, 1, 1, 0, s.stream, params, nullptr) == 1);
  CHECK(cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, s.stream, params, nullptr) == 1);
  CHECK(cuLaunchKernel(f, 1, 1, 1, 128, 1, 1, 64 << 10, s.stream, params, nullptr) == 1);
  CHECK(cuFuncSetAttribute(f, 8, 64 << 10) == 0);
  report();
  CHECK(cuLaunchKernel(f, 2, 1, 1, 128, 1, 1, 64 << 10, s.stream, params, nullptr) == 0);
  v = 4; // the launch has its own copy
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(((float *)a)[0] == 3 && ((float *)a)[255] == 3);
  CHECK(report().find("leak") != std::string::npos);
  for (int i = 0; i < 2; i++) { // shared memory keeps nothing
    void *g;
    CHECK(cuModuleGetFunction(&g, m, "copy_shared") == 0);
    CHECK(cuLaunchKernel(g, 1, 1, 1, 256, 1, 1, 0, s.stream, params, nullptr) == 0);
    CHECK(cuStreamSynchronize(s.stream) == 0);
    CHECK(((float *)a)[0] != ((float *)a)[0] && ((float *)a)[255] != ((float *)a)[255]);
  }
  CHECK(cuLaunchKernel(f, 1, 1, 1, 288, 1, 1, 0, s.stream, params, nullptr) == 0);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(reported("fill_twice: a write outside of an allocation of 1024 bytes"));
  CHECK(cuMemFree_v2(a) == 0 && cuModuleUnload(m) == 0);
  s.close();
  CHECK(report() == "");
}

// What a block may have: as many threads as the kernel was compiled for, and as
// much shared memory as is left beside the static one.
static void limits() {
  for (auto machine : {"cc=9.0", "cc=12.0"}) {
    session s(machine);
    void *m, *f;
    uint64_t a;
    int most = machine[3] == '9' ? 232448 : 101376, own = 0;
    void *params[] = {&a};
    CHECK(cuModuleLoadDataEx(&m, ptx, 0, nullptr, nullptr) == 0 && cuModuleGetFunction(&f, m, "copy_shared") == 0);
    CHECK(cuMemAlloc_v2(&a, 1024) == 0 && cuFuncGetAttribute(&own, 1, f) == 0 && own == 1024);
    CHECK(cuLaunchKernel(f, 1, 1, 1, 288, 1, 1, 0, s.stream, params, nullptr) == 1);
    CHECK(reported("launch of copy_shared refused"));
    CHECK(cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, 48 << 10, s.stream, params, nullptr) == 1);
    CHECK(cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, (48 << 10) - 1024, s.stream, params, nullptr) == 0);
    CHECK(cuLaunchKernel(f, 1, 65536, 1, 256, 1, 1, 0, s.stream, params, nullptr) == 1);
    CHECK(cuFuncSetAttribute(f, 8, most) == 1 && cuFuncSetAttribute(f, 8, most - 1024) == 0);
    CHECK(reported("more than a block has"));
    CHECK(cuMemFree_v2(a) == 0 && cuModuleUnload(m) == 0);
    s.close();
    CHECK(report() == "");
  }
}

// Work of two streams on the same memory wants an order: by waiting for the one,
// or by an event. Reading twice does not.
static void order() {
  session s;
  void *other, *third, *e, *m, *one, *both;
  uint64_t a, b, c;
  CHECK(cuStreamCreateWithPriority(&other, 1, 0) == 0 && cuStreamCreateWithPriority(&third, 1, 0) == 0);
  CHECK(cuModuleLoadDataEx(&m, ptx, 0, nullptr, nullptr) == 0 && cuModuleGetFunction(&one, m, "copy_one") == 0);
  CHECK(cuModuleGetFunction(&both, m, "fill_pair") == 0 && cuEventCreate(&e, 0) == 0);
  CHECK(cuMemAlloc_v2(&a, 16) == 0 && cuMemAlloc_v2(&b, 16) == 0 && cuMemAlloc_v2(&c, 16) == 0);
  float v = 1;
  void *fill[] = {&a, &v}, *to_b[] = {&a, &b}, *to_c[] = {&a, &c};
  auto launch = [](void *f, void *stream, void **params) { return cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, stream, params, nullptr); };
  CHECK(launch(both, s.stream, fill) == 0 && launch(one, other, to_b) == 0);
  CHECK(reported("copy_one and fill_pair of another stream use the same memory"));
  CHECK(cuCtxSynchronize() == 0);
  CHECK(launch(one, s.stream, to_b) == 0 && launch(one, other, to_c) == 0); // both read a
  CHECK(launch(both, third, fill) == 0);
  CHECK(reported("fill_pair and copy_one of another stream"));
  CHECK(cuCtxSynchronize() == 0);
  CHECK(launch(both, s.stream, fill) == 0 && cuStreamSynchronize(s.stream) == 0 && launch(one, other, to_b) == 0);
  CHECK(cuEventRecord(e, other) == 0 && cuStreamWaitEvent(third, e, 0) == 0 && launch(both, third, fill) == 0);
  CHECK(cuEventRecord(e, third) == 0 && cuStreamWaitEvent(s.stream, e, 0) == 0);
  CHECK(cuMemcpyDtoDAsync_v2(c, b, 16, s.stream) == 0); // after other by way of third
  CHECK(cuCtxSynchronize() == 0 && report().find("another stream") == std::string::npos);
  // To free memory in a stream is to write to it.
  uint64_t d;
  CHECK(cuMemAllocAsync(&d, 16, s.stream) == 0 && cuMemsetD8Async(d, 0, 16, other) == 0 && cuMemFreeAsync(d, s.stream) == 0);
  CHECK(reported("cuMemFreeAsync and cuMemsetD8Async of another stream"));
  CHECK(cuStreamSynchronize(s.stream) == 0 && cuStreamSynchronize(other) == 0);
  CHECK(reported("cuMemsetD8Async: its memory was freed before it ran"));
  CHECK(launch(one, other, to_b) == 0 && cuMemFree_v2(b) == 0 && launch(one, other, to_b) == 1);
  CHECK(reported("copy_one: argument 2 points to no device memory"));
  CHECK(cuMemFree_v2(a) == 0 && cuMemFree_v2(c) == 0 && cuModuleUnload(m) == 0 && cuEventDestroy_v2(e) == 0);
  CHECK(cuStreamDestroy_v2(other) == 0 && cuStreamDestroy_v2(third) == 0);
  s.close();
  CHECK(report() == "");
}

static void alignment() {
  session s;
  void *m, *f;
  uint64_t a, at;
  float v = 1;
  void *params[] = {&at, &v};
  CHECK(cuModuleLoadDataEx(&m, ptx, 0, nullptr, nullptr) == 0 && cuModuleGetFunction(&f, m, "fill_pair") == 0 && cuMemAlloc_v2(&a, 16) == 0);
  at = a + 8;
  CHECK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s.stream, params, nullptr) == 0 && cuStreamSynchronize(s.stream) == 0);
  CHECK(((float *)a)[3] == 1 && report().find("multiple") == std::string::npos);
  at = a + 4;
  CHECK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s.stream, params, nullptr) == 0 && cuStreamSynchronize(s.stream) == 716);
  CHECK(cuMemFree_v2(a) == 716); // the device is lost
  CHECK(reported("which is no multiple of 8"));
  cuCtxPopCurrent_v2(nullptr);
}

// Host code that touches device memory ends the program at once, and says why.
static void protection() {
  session s("protect");
  uint64_t a;
  char host[16] = {};
  CHECK(cuMemAlloc_v2(&a, 16) == 0 && cuMemsetD8Async(a, 5, 16, s.stream) == 0);
  CHECK(cuMemcpyDtoHAsync_v2(host, a, 16, s.stream) == 0 && host[7] == 5);
  int ends[2], status = 0;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (!child) {
    dup2(ends[1], 2);
    _exit(((volatile char *)a)[9] == 5 ? 3 : 4);
  }
  close(ends[1]);
  char said[200] = {};
  CHECK(read(ends[0], said, sizeof said - 1) > 0 && strstr(said, "the host touched device memory, byte 9 of an allocation of 16 bytes"));
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  close(ends[0]);
  CHECK(cuMemFree_v2(a) == 0);
  s.close();
  CHECK(report() == "");
}

// Memory that is large costs nothing before it is used.
static void large() {
  session s("mem=100GiB");
  uint64_t a;
  char host[4] = {};
  const size_t size = 80ull << 30;
  CHECK(cuMemAlloc_v2(&a, size) == 0 && cuMemsetD8Async(a, 7, 4, s.stream) == 0);
  CHECK(cuMemsetD8Async(a + size - 4, 9, 4, s.stream) == 0 && cuMemcpyDtoHAsync_v2(host, a + size - 4, 4, s.stream) == 0 && host[0] == 9);
  CHECK(cuMemsetD8Async(a, 0, size, s.stream) == 0 && cuMemcpyDtoHAsync_v2(host, a + size - 4, 4, s.stream) == 0 && host[0] == 0);
  CHECK(cuMemcpyDtoHAsync_v2(host, a, 4, s.stream) == 0 && host[3] == 0);
  ((char *)a)[size] = 0;
  CHECK(cuMemFree_v2(a) == 0);
  CHECK(reported("outside of an allocation"));
  s.close();
  CHECK(report() == "");
}

// A captured stream runs nothing; launches run it with the arguments of then.
static void graphs() {
  session s;
  void *g, *e, *other;
  uint64_t a, b;
  CHECK(cuStreamCreateWithPriority(&other, 1, 0) == 0 && cuMemAlloc_v2(&a, 8) == 0 && cuMemAlloc_v2(&b, 8) == 0);
  CHECK(cuStreamEndCapture(s.stream, &g) == 1);
  CHECK(cuMemsetD8Async(a, 1, 8, s.stream) == 0);
  CHECK(cuStreamBeginCapture_v2(s.stream, 2) == 0 && cuStreamBeginCapture_v2(s.stream, 2) == 1);
  CHECK(cuMemcpyDtoDAsync_v2(b, a, 8, s.stream) == 0 && cuMemsetD8Async(a, 3, 8, s.stream) == 0);
  CHECK(cuStreamSynchronize(other) == 0); // another stream may go on
  int ended = 0;
  std::thread([&] { // and another thread may end it
    cuCtxPushCurrent_v2(s.context);
    ended = cuStreamEndCapture(s.stream, &g);
    cuCtxPopCurrent_v2(nullptr);
  }).join();
  CHECK(ended == 0 && cuGraphInstantiateWithFlags(&e, g, 0) == 0);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(*(char *)a == 1 && *(char *)b == -1);
  CHECK(cuGraphLaunch(e, s.stream) == 0 && cuGraphLaunch(e, s.stream) == 0);
  CHECK(*(char *)b == -1);
  CHECK(cuGraphDestroy(g) == 0 && cuGraphDestroy(g) == 400);
  CHECK(cuStreamSynchronize(s.stream) == 0);
  CHECK(*(char *)b == 3);
  CHECK(reported("leak: 1 executable graphs"));
  CHECK(cuGraphExecDestroy(e) == 0 && cuGraphLaunch(e, s.stream) == 400);
  // What waits, and what copies host memory, breaks a capture.
  char host[8] = {};
  for (int bad = 0; bad < 4; bad++) {
    CHECK(cuStreamBeginCapture_v2(s.stream, 2) == 0);
    CHECK(900 == (bad == 0 ? cuStreamSynchronize(s.stream) : bad == 1 ? cuCtxSynchronize() :
      bad == 2 ? cuMemcpyHtoDAsync_v2(a, host, 8, s.stream) : cuMemAllocAsync(&b, 8, s.stream)));
    CHECK(cuStreamEndCapture(s.stream, &g) == 901);
    CHECK(reported("while a stream is captured"));
  }
  // Nobody can wait for an event in a graph.
  void *in_graph;
  CHECK(cuEventCreate(&in_graph, 0) == 0 && cuStreamBeginCapture_v2(s.stream, 2) == 0 && cuEventRecord(in_graph, s.stream) == 0);
  CHECK(cuEventSynchronize(in_graph) == 907 && cuStreamEndCapture(s.stream, &g) == 901);
  CHECK(reported("recorded in a capture") && cuEventDestroy_v2(in_graph) == 0);
  // In the strictest mode no thread may allocate memory, in the next that of the
  // capture, in the last all may.
  for (int mode = 0; mode < 3; mode++) {
    uint64_t own = 0, others = 0;
    int code = 0;
    CHECK(cuStreamBeginCapture_v2(s.stream, mode) == 0);
    std::thread([&] {
      cuCtxPushCurrent_v2(s.context);
      code = cuMemAlloc_v2(&others, 8);
      cuCtxPopCurrent_v2(nullptr);
    }).join();
    CHECK(code == (mode == 0 ? 900 : 0) && cuMemAlloc_v2(&own, 8) == (mode == 2 ? 0 : 900));
    CHECK(cuStreamEndCapture(s.stream, &g) == (mode == 2 ? 0 : 901));
    CHECK(mode < 2 ? reported("in a mode that forbids it") : cuGraphDestroy(g) == 0);
    CHECK(cuMemFree_v2(own) == 0 && cuMemFree_v2(others) == 0);
  }
  // In the stricter modes the same thread must end a capture.
  CHECK(cuStreamBeginCapture_v2(s.stream, 1) == 0);
  std::thread([&] {
    cuCtxPushCurrent_v2(s.context);
    ended = cuStreamEndCapture(s.stream, &g);
    cuCtxPopCurrent_v2(nullptr);
  }).join();
  CHECK(ended == 908 && cuStreamEndCapture(s.stream, &g) == 0 && cuGraphDestroy(g) == 0);
  CHECK(reported("by another thread"));
  CHECK(cuMemFree_v2(a) == 0 && cuMemFree_v2(b) == 0 && cuStreamDestroy_v2(other) == 0);
  s.close();
  CHECK(report() == "");
}

int main() {
  graphs();
  order();
  limits();
  alignment();
  protection();
  large();
  contexts();
  laziness();
  bounds();
  memory_limit();
  events();
  faults();
  modules();
  return failures ? 1 : 0;
}
