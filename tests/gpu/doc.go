// Package gpu tests and measures Ritz on a GPU. `make gpu-bundle` packs it with
// the tests of the algorithms, so that a machine without Go can run them: there,
// run.sh writes one file with what the machine is, what passed and how long
// everything took. The scripts in sdk check what needs NVIDIA's software but no
// GPU.
//
// Where there is no GPU the tests are skipped, or fail if the environment
// variable RITZ_REQUIRE lists gpu. With RITZ_CUDA_LIBDIR naming the libraries of
// the emulator they run on that, with small matrices.
package gpu
