/* The functions of NVIDIA's libraries that this package calls, with the
 * exported (versioned) symbol names, which the headers hide behind macros.
 * Enumerations and statuses are int, handles are void *, device addresses are
 * uint64_t. Matrices are column-major. Sources: the CUDA driver API, cuBLAS,
 * cuSOLVER and NVRTC reference manuals, CUDA 11.8 to 13.
 *
 * RZ_FUNCTIONS(F) expands to F(library, need, return type, name, arguments).
 * A function with need OPT is missing from some supported version and is
 * tested for before use. */
#ifndef RZ_ABI_H
#define RZ_ABI_H

#include <stddef.h>
#include <stdint.h>

enum { RZ_CUDA = 1, RZ_BLAS, RZ_LT, RZ_SOLVER, RZ_NVRTC };

typedef struct { unsigned char bytes[16]; } rz_uuid;

/* CUDA_MEMCPY2D */
typedef struct {
	size_t src_x, src_y;
	int src_kind;
	const void *src_host;
	uint64_t src_device;
	void *src_array;
	size_t src_pitch;
	size_t dst_x, dst_y;
	int dst_kind;
	void *dst_host;
	uint64_t dst_device;
	void *dst_array;
	size_t dst_pitch;
	size_t width, height; /* bytes, rows */
} rz_memcpy2d;

#define RZ_CUDA_FUNCTIONS(F) \
	F(CUDA, REQ, int, cuInit, (unsigned flags)) \
	F(CUDA, REQ, int, cuDriverGetVersion, (int *version)) \
	F(CUDA, REQ, int, cuDeviceGetCount, (int *count)) \
	F(CUDA, REQ, int, cuDeviceGet, (int *device, int ordinal)) \
	F(CUDA, REQ, int, cuDeviceGetName, (char *name, int len, int device)) \
	F(CUDA, OPT, int, cuDeviceGetUuid, (rz_uuid *uuid, int device)) \
	F(CUDA, OPT, int, cuDeviceGetUuid_v2, (rz_uuid *uuid, int device)) \
	F(CUDA, REQ, int, cuDeviceGetPCIBusId, (char *id, int len, int device)) \
	F(CUDA, REQ, int, cuDeviceTotalMem_v2, (size_t *bytes, int device)) \
	F(CUDA, REQ, int, cuDeviceGetAttribute, (int *value, int attribute, int device)) \
	F(CUDA, REQ, int, cuDevicePrimaryCtxSetFlags_v2, (int device, unsigned flags)) \
	F(CUDA, REQ, int, cuDevicePrimaryCtxRetain, (void **context, int device)) \
	F(CUDA, REQ, int, cuDevicePrimaryCtxRelease_v2, (int device)) \
	F(CUDA, REQ, int, cuCtxPushCurrent_v2, (void *context)) \
	F(CUDA, REQ, int, cuCtxPopCurrent_v2, (void **context)) \
	F(CUDA, REQ, int, cuCtxSynchronize, (void)) \
	F(CUDA, REQ, int, cuMemGetInfo_v2, (size_t *free, size_t *total)) \
	F(CUDA, REQ, int, cuMemAlloc_v2, (uint64_t *address, size_t bytes)) \
	F(CUDA, REQ, int, cuMemFree_v2, (uint64_t address)) \
	F(CUDA, OPT, int, cuMemAllocAsync, (uint64_t *address, size_t bytes, void *stream)) \
	F(CUDA, OPT, int, cuMemFreeAsync, (uint64_t address, void *stream)) \
	F(CUDA, OPT, int, cuDeviceGetDefaultMemPool, (void **pool, int device)) \
	F(CUDA, OPT, int, cuMemPoolSetAttribute, (void *pool, int attribute, void *value)) \
	F(CUDA, OPT, int, cuMemPoolTrimTo, (void *pool, size_t keep)) \
	F(CUDA, REQ, int, cuMemHostAlloc, (void **memory, size_t bytes, unsigned flags)) \
	F(CUDA, REQ, int, cuMemFreeHost, (void *memory)) \
	F(CUDA, REQ, int, cuMemcpyHtoDAsync_v2, (uint64_t to, const void *from, size_t bytes, void *stream)) \
	F(CUDA, REQ, int, cuMemcpyDtoHAsync_v2, (void *to, uint64_t from, size_t bytes, void *stream)) \
	F(CUDA, REQ, int, cuMemcpyDtoDAsync_v2, (uint64_t to, uint64_t from, size_t bytes, void *stream)) \
	F(CUDA, REQ, int, cuMemcpy2DAsync_v2, (const rz_memcpy2d *copy, void *stream)) \
	F(CUDA, REQ, int, cuMemsetD8Async, (uint64_t to, unsigned char value, size_t bytes, void *stream)) \
	F(CUDA, REQ, int, cuStreamCreateWithPriority, (void **stream, unsigned flags, int priority)) \
	F(CUDA, REQ, int, cuStreamDestroy_v2, (void *stream)) \
	F(CUDA, REQ, int, cuStreamSynchronize, (void *stream)) \
	F(CUDA, OPT, int, cuStreamBeginCapture_v2, (void *stream, int mode)) \
	F(CUDA, OPT, int, cuStreamEndCapture, (void *stream, void **graph)) \
	F(CUDA, OPT, int, cuGraphInstantiateWithFlags, (void **executable, void *graph, unsigned long long flags)) \
	F(CUDA, OPT, int, cuGraphLaunch, (void *executable, void *stream)) \
	F(CUDA, OPT, int, cuGraphExecDestroy, (void *executable)) \
	F(CUDA, OPT, int, cuGraphDestroy, (void *graph)) \
	F(CUDA, REQ, int, cuEventCreate, (void **event, unsigned flags)) \
	F(CUDA, REQ, int, cuEventDestroy_v2, (void *event)) \
	F(CUDA, REQ, int, cuEventRecord, (void *event, void *stream)) \
	F(CUDA, REQ, int, cuEventSynchronize, (void *event)) \
	F(CUDA, REQ, int, cuModuleLoadDataEx, (void **module, const void *image, unsigned n, int *options, void **values)) \
	F(CUDA, REQ, int, cuModuleUnload, (void *module)) \
	F(CUDA, REQ, int, cuModuleGetFunction, (void **function, void *module, const char *name)) \
	F(CUDA, REQ, int, cuFuncSetAttribute, (void *function, int attribute, int value)) \
	F(CUDA, REQ, int, cuLaunchKernel, (void *function, unsigned gx, unsigned gy, unsigned gz, \
		unsigned bx, unsigned by, unsigned bz, unsigned smem, void *stream, void **params, void **extra))

/* cublasGetProperty tells the major (0), minor (1) and patch (2) number, and
 * cublasLtGetVersion 120405 for 12.4.5. */

/* Every routine in single (S) and double (D) precision, and with 64-bit
 * dimensions (…_64, CUDA 12 and later). */
#define RZ_BLAS_OF(F, need, P, real, dim, suffix) \
	F(BLAS, need, int, cublas##P##gemm##suffix, (void *h, int ta, int tb, dim m, dim n, dim k, const real *alpha, \
		const real *a, dim lda, const real *b, dim ldb, const real *beta, real *c, dim ldc)) \
	F(BLAS, need, int, cublas##P##syrk##suffix, (void *h, int uplo, int trans, dim n, dim k, const real *alpha, \
		const real *a, dim lda, const real *beta, real *c, dim ldc)) \
	F(BLAS, need, int, cublas##P##trsm##suffix, (void *h, int side, int uplo, int trans, int diag, dim m, dim n, \
		const real *alpha, const real *a, dim lda, real *b, dim ldb))

#define RZ_GEMM_EX(F, need, dim, suffix) \
	F(BLAS, need, int, cublasGemmEx##suffix, (void *h, int ta, int tb, dim m, dim n, dim k, const void *alpha, \
		const void *a, int type_a, dim lda, const void *b, int type_b, dim ldb, const void *beta, \
		void *c, int type_c, dim ldc, int compute, int algorithm))

#define RZ_BLAS_FUNCTIONS(F) \
	F(BLAS, REQ, int, cublasCreate_v2, (void **h)) \
	F(BLAS, REQ, int, cublasDestroy_v2, (void *h)) \
	F(BLAS, REQ, int, cublasGetProperty, (int property, int *value)) \
	F(BLAS, REQ, int, cublasSetStream_v2, (void *h, void *stream)) \
	F(BLAS, REQ, int, cublasSetWorkspace_v2, (void *h, void *memory, size_t bytes)) \
	F(BLAS, REQ, int, cublasSetMathMode, (void *h, int mode)) \
	RZ_BLAS_OF(F, REQ, S, float, int, _v2) \
	RZ_BLAS_OF(F, REQ, D, double, int, _v2) \
	RZ_BLAS_OF(F, OPT, S, float, int64_t, _v2_64) \
	RZ_BLAS_OF(F, OPT, D, double, int64_t, _v2_64) \
	RZ_GEMM_EX(F, REQ, int, ) \
	RZ_GEMM_EX(F, OPT, int64_t, _64) \
	F(LT, REQ, size_t, cublasLtGetVersion, (void))

/* The X… functions take data types (RZ_R_32F, RZ_R_64F) and two workspaces,
 * on the device and on the host, whose sizes in bytes …_bufferSize tells; the
 * others count workspace in elements. info is an int on the device. */
#define RZ_SOLVER_OF(F, P, real) \
	F(SOLVER, REQ, int, cusolverDn##P##orgqr_bufferSize, (void *h, int m, int n, int k, const real *a, int lda, \
		const real *tau, int *lwork)) \
	F(SOLVER, REQ, int, cusolverDn##P##orgqr, (void *h, int m, int n, int k, real *a, int lda, const real *tau, \
		real *work, int lwork, int *info))

#define RZ_SOLVER_FUNCTIONS(F) \
	F(SOLVER, REQ, int, cusolverDnCreate, (void **h)) \
	F(SOLVER, REQ, int, cusolverDnDestroy, (void *h)) \
	F(SOLVER, REQ, int, cusolverDnSetStream, (void *h, void *stream)) \
	F(SOLVER, REQ, int, cusolverGetVersion, (int *version)) \
	F(SOLVER, REQ, int, cusolverDnCreateParams, (void **params)) \
	F(SOLVER, REQ, int, cusolverDnDestroyParams, (void *params)) \
	F(SOLVER, REQ, int, cusolverDnXgesvd_bufferSize, (void *h, void *params, signed char jobu, signed char jobvt, \
		int64_t m, int64_t n, int ta, const void *a, int64_t lda, int ts, const void *s, int tu, const void *u, \
		int64_t ldu, int tvt, const void *vt, int64_t ldvt, int compute, size_t *device, size_t *host)) \
	F(SOLVER, REQ, int, cusolverDnXgesvd, (void *h, void *params, signed char jobu, signed char jobvt, \
		int64_t m, int64_t n, int ta, void *a, int64_t lda, int ts, void *s, int tu, void *u, int64_t ldu, int tvt, \
		void *vt, int64_t ldvt, int compute, void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)) \
	F(SOLVER, REQ, int, cusolverDnXgesvdp_bufferSize, (void *h, void *params, int job, int econ, \
		int64_t m, int64_t n, int ta, const void *a, int64_t lda, int ts, const void *s, int tu, const void *u, \
		int64_t ldu, int tv, const void *v, int64_t ldv, int compute, size_t *device, size_t *host)) \
	F(SOLVER, REQ, int, cusolverDnXgesvdp, (void *h, void *params, int job, int econ, \
		int64_t m, int64_t n, int ta, void *a, int64_t lda, int ts, void *s, int tu, void *u, int64_t ldu, int tv, \
		void *v, int64_t ldv, int compute, void *device, size_t device_bytes, void *host, size_t host_bytes, int *info, \
		double *shift)) \
	F(SOLVER, REQ, int, cusolverDnXsyevd_bufferSize, (void *h, void *params, int job, int uplo, int64_t n, \
		int ta, const void *a, int64_t lda, int tw, const void *w, int compute, size_t *device, size_t *host)) \
	F(SOLVER, REQ, int, cusolverDnXsyevd, (void *h, void *params, int job, int uplo, int64_t n, \
		int ta, void *a, int64_t lda, int tw, void *w, int compute, \
		void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)) \
	F(SOLVER, REQ, int, cusolverDnXgeqrf_bufferSize, (void *h, void *params, int64_t m, int64_t n, \
		int ta, const void *a, int64_t lda, int ttau, const void *tau, int compute, size_t *device, size_t *host)) \
	F(SOLVER, REQ, int, cusolverDnXgeqrf, (void *h, void *params, int64_t m, int64_t n, \
		int ta, void *a, int64_t lda, int ttau, void *tau, int compute, \
		void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)) \
	F(SOLVER, REQ, int, cusolverDnXpotrf_bufferSize, (void *h, void *params, int uplo, int64_t n, \
		int ta, const void *a, int64_t lda, int compute, size_t *device, size_t *host)) \
	F(SOLVER, REQ, int, cusolverDnXpotrf, (void *h, void *params, int uplo, int64_t n, \
		int ta, void *a, int64_t lda, int compute, \
		void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)) \
	RZ_SOLVER_OF(F, S, float) \
	RZ_SOLVER_OF(F, D, double)

#define RZ_NVRTC_FUNCTIONS(F) \
	F(NVRTC, REQ, int, nvrtcVersion, (int *major, int *minor)) \
	F(NVRTC, REQ, int, nvrtcGetNumSupportedArchs, (int *count)) \
	F(NVRTC, REQ, int, nvrtcGetSupportedArchs, (int *archs)) \
	F(NVRTC, REQ, int, nvrtcCreateProgram, (void **program, const char *source, const char *name, int headers, \
		const char *const *sources, const char *const *names)) \
	F(NVRTC, REQ, int, nvrtcDestroyProgram, (void **program)) \
	F(NVRTC, REQ, int, nvrtcCompileProgram, (void *program, int options, const char *const *values)) \
	F(NVRTC, REQ, int, nvrtcGetCUBINSize, (void *program, size_t *bytes)) \
	F(NVRTC, REQ, int, nvrtcGetCUBIN, (void *program, char *image)) \
	F(NVRTC, REQ, int, nvrtcGetProgramLogSize, (void *program, size_t *bytes)) \
	F(NVRTC, REQ, int, nvrtcGetProgramLog, (void *program, char *log))

#define RZ_FUNCTIONS(F) \
	RZ_CUDA_FUNCTIONS(F) \
	RZ_BLAS_FUNCTIONS(F) \
	RZ_SOLVER_FUNCTIONS(F) \
	RZ_NVRTC_FUNCTIONS(F)

#define RZ_FIELD(library, need, result, name, arguments) result (*name) arguments;
typedef struct rz_api { RZ_FUNCTIONS(RZ_FIELD) } rz_api;
#undef RZ_FIELD

/* CUdevice_attribute */
enum {
	RZ_ATTR_MULTIPROCESSORS = 16,
	RZ_ATTR_COMPUTE_MODE = 20,
	RZ_ATTR_CAPABILITY_MAJOR = 75,
	RZ_ATTR_CAPABILITY_MINOR = 76,
	RZ_ATTR_SHARED_MEMORY_OPTIN = 97,
	RZ_ATTR_MEMORY_POOLS = 115
};

enum { RZ_FUNC_SHARED_MEMORY = 8 }; /* CUfunction_attribute: most dynamic shared memory of a launch */
enum { RZ_MODE_PROHIBITED = 2 }; /* CUcomputemode */
enum { RZ_CTX_BLOCKING_SYNC = 4 };
enum { RZ_STREAM_NON_BLOCKING = 1 };
enum { RZ_CAPTURE_RELAXED = 2 };
enum { RZ_EVENT_BLOCKING_SYNC = 1, RZ_EVENT_DISABLE_TIMING = 2 };
enum { RZ_HOST_PORTABLE = 1 };
enum { RZ_MEMORY_HOST = 1, RZ_MEMORY_DEVICE = 2 };
enum { RZ_POOL_RELEASE_THRESHOLD = 4 };
enum { RZ_JIT_ERROR_LOG = 5, RZ_JIT_ERROR_LOG_BYTES = 6 };

/* cuBLAS and cuSOLVER */
enum { RZ_OP_N = 0, RZ_OP_T = 1 };
enum { RZ_LOWER = 0, RZ_UPPER = 1 };
enum { RZ_LEFT = 0, RZ_RIGHT = 1 };
enum { RZ_NON_UNIT = 0 };
enum { RZ_R_32F = 0, RZ_R_64F = 1 };             /* cudaDataType */
enum { RZ_MATH_DEFAULT = 0 };                    /* cublasMath_t: no TF32 */
enum { RZ_FAST_16F = 74, RZ_FAST_16BF = 75, RZ_FAST_TF32 = 77 }; /* cublasComputeType_t: float, inputs rounded */
enum { RZ_GEMM_DEFAULT = -1 };                   /* cublasGemmAlgo_t */
enum { RZ_EIG_NOVECTOR = 0, RZ_EIG_VECTOR = 1 }; /* cusolverEigMode_t */

#endif
