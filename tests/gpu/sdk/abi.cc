// Checks cusolver/abi.h against NVIDIA's headers: the type of every function,
// the layout of every structure, every constant and every error code. abi.sh
// compiles this; nothing is run. RZ_HAS_name is 1 for a function that these
// headers declare.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <cuda.h>
#include <cublas_v2.h>
#include <cublasLt.h>
#include <cusolverDn.h>
#include <nvrtc.h>

#include "../../../cusolver/abi.h"
#include "present.h" // written by abi.sh

// same<Ours, Theirs> holds if a value of one type is passed and stored like one
// of the other. abi.h writes enumerations as int, handles as void * and device
// addresses as uint64_t, and has structures of its own.
template <class Ours, class Theirs>
constexpr bool same_value()
{
	if constexpr (std::is_same_v<Ours, Theirs>)
		return true;
	else if constexpr (std::is_enum_v<Theirs>)
		return std::is_same_v<Ours, int> && sizeof(Theirs) == sizeof(int);
	else if constexpr (std::is_integral_v<Ours> && std::is_integral_v<Theirs>)
		return sizeof(Ours) == sizeof(Theirs) && std::is_signed_v<Ours> == std::is_signed_v<Theirs>;
	else
		return false;
}

template <class T> struct layout { using type = void; };
template <> struct layout<rz_uuid> { using type = CUuuid; };
template <> struct layout<rz_memcpy2d> { using type = CUDA_MEMCPY2D; };

template <class Ours, class Theirs>
constexpr bool same()
{
	if constexpr (std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>) {
		using O = std::remove_pointer_t<Ours>;
		using T = std::remove_pointer_t<Theirs>;
		using o = std::remove_cv_t<O>;
		using t = std::remove_cv_t<T>;
		// A handle is a pointer to a structure that only the library knows.
		if constexpr (std::is_void_v<o>)
			return std::is_void_v<t> ? std::is_const_v<O> == std::is_const_v<T> : std::is_class_v<t> && !std::is_const_v<O>;
		else if constexpr (std::is_pointer_v<o>)
			return std::is_const_v<O> == std::is_const_v<T> && same<o, t>();
		else if constexpr (!std::is_void_v<typename layout<o>::type>)
			return std::is_const_v<O> == std::is_const_v<T> && std::is_same_v<typename layout<o>::type, t>;
		else
			return std::is_const_v<O> == std::is_const_v<T> && same_value<o, t>();
	} else
		return same_value<Ours, Theirs>();
}

template <class Ours, class Theirs> struct function : std::false_type {};
template <class R, class... A, class S, class... B>
struct function<R(A...), S(B...)>
{
	static constexpr bool check()
	{
		if constexpr (sizeof...(A) == sizeof...(B))
			return same<R, S>() && (same<A, B>() && ...);
		else
			return false;
	}
	static constexpr bool value = check();
};

// In C++ the headers have two functions of this name, one of them inline.
constexpr cublasStatus_t (*rz_gemm_ex)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void *,
	const void *, cudaDataType, int, const void *, cudaDataType, int, const void *, void *, cudaDataType, int,
	cublasComputeType_t, cublasGemmAlgo_t) = cublasGemmEx;
#define cublasGemmEx rz_gemm_ex

#define CHECK_0(name, ours)
#define CHECK_1(name, ours) \
	static_assert(function<ours, std::remove_pointer_t<std::remove_const_t<decltype(name)>>>::value, #name);
#define CHECK_IF(has, name, ours) CHECK_(has, name, ours)
#define CHECK_(has, name, ours) CHECK_##has(name, ours)
#define CHECK(library, need, result, name, arguments) \
	using rz_type_##name = result arguments; CHECK_IF(RZ_HAS_##name, name, rz_type_##name)
RZ_FUNCTIONS(CHECK)

#define FIELD(ours, theirs)                                                              \
	static_assert(offsetof(rz_memcpy2d, ours) == offsetof(CUDA_MEMCPY2D, theirs), #ours); \
	static_assert(sizeof(rz_memcpy2d::ours) == sizeof(CUDA_MEMCPY2D::theirs), #ours);
static_assert(sizeof(rz_memcpy2d) == sizeof(CUDA_MEMCPY2D) && alignof(rz_memcpy2d) == alignof(CUDA_MEMCPY2D));
FIELD(src_x, srcXInBytes)
FIELD(src_y, srcY)
FIELD(src_kind, srcMemoryType)
FIELD(src_host, srcHost)
FIELD(src_device, srcDevice)
FIELD(src_array, srcArray)
FIELD(src_pitch, srcPitch)
FIELD(dst_x, dstXInBytes)
FIELD(dst_y, dstY)
FIELD(dst_kind, dstMemoryType)
FIELD(dst_host, dstHost)
FIELD(dst_device, dstDevice)
FIELD(dst_array, dstArray)
FIELD(dst_pitch, dstPitch)
FIELD(width, WidthInBytes)
FIELD(height, Height)
static_assert(sizeof(rz_uuid) == sizeof(CUuuid));

#define EQUAL(ours, theirs) static_assert((long)(ours) == (long)(theirs), #ours);
EQUAL(RZ_ATTR_MULTIPROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
EQUAL(RZ_ATTR_COMPUTE_MODE, CU_DEVICE_ATTRIBUTE_COMPUTE_MODE)
EQUAL(RZ_ATTR_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
EQUAL(RZ_ATTR_CAPABILITY_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
EQUAL(RZ_ATTR_SHARED_MEMORY_OPTIN, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
EQUAL(RZ_ATTR_MEMORY_POOLS, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)
EQUAL(RZ_MODE_PROHIBITED, CU_COMPUTEMODE_PROHIBITED)
EQUAL(RZ_CTX_BLOCKING_SYNC, CU_CTX_SCHED_BLOCKING_SYNC)
EQUAL(RZ_STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING)
EQUAL(RZ_CAPTURE_RELAXED, CU_STREAM_CAPTURE_MODE_RELAXED)
EQUAL(RZ_FUNC_SHARED_MEMORY, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
EQUAL(RZ_EVENT_BLOCKING_SYNC, CU_EVENT_BLOCKING_SYNC)
EQUAL(RZ_EVENT_DISABLE_TIMING, CU_EVENT_DISABLE_TIMING)
EQUAL(RZ_HOST_PORTABLE, CU_MEMHOSTALLOC_PORTABLE)
EQUAL(RZ_MEMORY_HOST, CU_MEMORYTYPE_HOST)
EQUAL(RZ_MEMORY_DEVICE, CU_MEMORYTYPE_DEVICE)
EQUAL(RZ_POOL_RELEASE_THRESHOLD, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
EQUAL(RZ_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BUFFER)
EQUAL(RZ_JIT_ERROR_LOG_BYTES, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
EQUAL(RZ_OP_N, CUBLAS_OP_N)
EQUAL(RZ_OP_T, CUBLAS_OP_T)
EQUAL(RZ_LOWER, CUBLAS_FILL_MODE_LOWER)
EQUAL(RZ_UPPER, CUBLAS_FILL_MODE_UPPER)
EQUAL(RZ_LEFT, CUBLAS_SIDE_LEFT)
EQUAL(RZ_RIGHT, CUBLAS_SIDE_RIGHT)
EQUAL(RZ_NON_UNIT, CUBLAS_DIAG_NON_UNIT)
EQUAL(RZ_R_32F, CUDA_R_32F)
EQUAL(RZ_R_64F, CUDA_R_64F)
EQUAL(RZ_MATH_DEFAULT, CUBLAS_DEFAULT_MATH)
EQUAL(RZ_FAST_16F, CUBLAS_COMPUTE_32F_FAST_16F)
EQUAL(RZ_FAST_16BF, CUBLAS_COMPUTE_32F_FAST_16BF)
EQUAL(RZ_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_TF32)
EQUAL(RZ_GEMM_DEFAULT, CUBLAS_GEMM_DEFAULT)
EQUAL(RZ_EIG_NOVECTOR, CUSOLVER_EIG_MODE_NOVECTOR)
EQUAL(RZ_EIG_VECTOR, CUSOLVER_EIG_MODE_VECTOR)
#if RZ_HAS_cusolverDnSetDeterministicMode
EQUAL(RZ_DETERMINISTIC, CUSOLVER_DETERMINISTIC_RESULTS)
#endif
static_assert(MAJOR_VERSION == 0 && MINOR_VERSION == 1 && PATCH_LEVEL == 2, "cublasGetProperty");

// The names of error codes in status.go, as abi.sh lists them.
#define CODE(code, name) static_assert((long)name == code, #name);
#include "codes.h"
