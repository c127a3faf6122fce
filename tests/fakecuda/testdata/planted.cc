// Runs the kernel of planted.cu that the first argument names, on one OS
// thread, so that a sanitizer's report does not depend on time.
#include "planted.cu"

#include <cstdio>
#include <string>
#include <vector>

int main(int, char **argv) {
  std::string name = argv[1];
  std::vector<float> a(512, 1), out(2);
  const char *error = nullptr;
  if (name == "sum") error = rz_emu_call(sum, 2, 256, 0, a.data(), out.data());
  if (name == "sum_without_barrier") error = rz_emu_call(sum_without_barrier, 2, 256, 0, a.data(), out.data());
  if (name == "sum_divergent") error = rz_emu_call(sum_divergent, 2, 256, 0, a.data(), out.data());
  if (name == "off_by_one") error = rz_emu_call(off_by_one, 3, 256, 0, 512, std::vector<float>(512).data());
  if (name == "incomplete_shuffle") error = rz_emu_call(incomplete_shuffle, 1, 32, 0, a.data());
  if (name == "beyond_shared") error = rz_emu_call(beyond_shared, 1, 64, 64 * 4, a.data());
  if (name == "sum" && out[0] + out[1] != 512) error = "the sum is wrong";
  if (error) puts(error);
  return error != nullptr;
}
