// Package matio reads and writes arrays of numbers in files.
//
//	format       ending                reads                        writes
//	NumPy        .npy                  f2 f4 f8, integers, bool     f4 f8
//	NumPy        .npz                  the same, several arrays     f4 f8
//	CSV          .csv, .csv.gz         numbers, optional header     yes
//	Matrix Market .mtx, .mtx.gz        real, integer, pattern       no
//	safetensors  .safetensors          F16 BF16 F32 F64, integers   F32 F64
//	IDX          -ubyte, .idx, .gz     all types (MNIST)            no
//
// [Open] reads headers alone; [Read] streams one array into memory and
// converts it, and [Rows] gives it by blocks of rows. Shapes are held against
// the size of the file before memory is allocated, so that a corrupt header
// costs nothing. Writers write to a temporary name in the same folder and
// rename it when the data is on disk: a file under its final name is whole.
//
// The headers of .npy files are parsed here, and not by a NumPy library for
// Go, because those read the whole array before they tell its shape.
package matio
