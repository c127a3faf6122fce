// What work does with device memory, as the stand-in libraries tell the
// stand-in driver.
#ifndef RZ_EMU_USE_H
#define RZ_EMU_USE_H

#include <cstddef>
#include <cstdint>

// Columns of so many bytes, pitch apart: a matrix, or a vector as one column
// for each element.
struct rz_emu_use {
  uint64_t at;
  size_t rows, columns, pitch;
  bool written;

  size_t bytes() const { return columns ? (columns - 1) * pitch + rows : 0; }
};

// Whether two uses share a byte; two submatrices of one matrix may interleave
// without doing so.
inline bool overlap(const rz_emu_use &x, const rz_emu_use &y) {
  if (!x.bytes() || !y.bytes() || x.at + x.bytes() <= y.at || y.at + y.bytes() <= x.at) return false;
  for (size_t j = 0; j < x.columns; j++) {
    uint64_t from = x.at + j * x.pitch, to = from + x.rows;
    if (to <= y.at) continue;
    size_t k = from > y.at ? (from - y.at) / (y.pitch ? y.pitch : 1) : 0; // first candidate
    for (; k < y.columns && y.at + k * y.pitch < to; k++)
      if (y.at + k * y.pitch + y.rows > from) return true;
  }
  return false;
}

#endif
