//go:build cgo && linux && !nocuda

#include "ops.h"

/* Calls CALL(precision, C type, suffix) for the element type and the width of
 * the integers. Where no size exceeds 32 bits the narrow function will do, on
 * versions that have no other. */
#define DISPATCH(CALL, S64, D64)                                               \
	do {                                                                       \
		if (type == RZ_R_32F) {                                                \
			if (wide == RZ_DIMENSION || (wide == RZ_INDEX && rz_device->api->S64)) \
				CALL(S, float, _v2_64);                                        \
			else                                                               \
				CALL(S, float, _v2);                                           \
		} else {                                                               \
			if (wide == RZ_DIMENSION || (wide == RZ_INDEX && rz_device->api->D64)) \
				CALL(D, double, _v2_64);                                       \
			else                                                               \
				CALL(D, double, _v2);                                          \
		}                                                                      \
	} while (0)

rz_status rz_gemm(rz_queue *q, int type, int wide, int ta, int tb, int64_t m, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb, double beta, uint64_t c, int64_t ldc)
{
	RZ_BEGIN(q->gpu);
#define GEMM(P, real, suffix)                                                  \
	do {                                                                       \
		const real al = (real)alpha, be = (real)beta;                          \
		RZ_CALL(cublas##P##gemm##suffix, q->blas, ta, tb, m, n, k, &al,        \
			(const real *)a, lda, (const real *)b, ldb, &be, (real *)c, ldc);  \
	} while (0)
	DISPATCH(GEMM, cublasSgemm_v2_64, cublasDgemm_v2_64);
	RZ_END;
}

rz_status rz_gemm_rounded(rz_queue *q, int compute, int wide, int ta, int tb, int64_t m, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb, double beta, uint64_t c, int64_t ldc)
{
	const float al = (float)alpha, be = (float)beta;
	RZ_BEGIN(q->gpu);
#define GEMM_EX(suffix)                                                        \
	RZ_CALL(cublasGemmEx##suffix, q->blas, ta, tb, m, n, k, &al, (const void *)a, RZ_R_32F, lda, \
		(const void *)b, RZ_R_32F, ldb, &be, (void *)c, RZ_R_32F, ldc, compute, RZ_GEMM_DEFAULT)
	if (wide == RZ_DIMENSION || (wide == RZ_INDEX && rz_device->api->cublasGemmEx_64))
		GEMM_EX(_64);
	else
		GEMM_EX();
	RZ_END;
}

rz_status rz_syrk(rz_queue *q, int type, int wide, int uplo, int trans, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, double beta, uint64_t c, int64_t ldc)
{
	RZ_BEGIN(q->gpu);
#define SYRK(P, real, suffix)                                                  \
	do {                                                                       \
		const real al = (real)alpha, be = (real)beta;                          \
		RZ_CALL(cublas##P##syrk##suffix, q->blas, uplo, trans, n, k, &al,      \
			(const real *)a, lda, &be, (real *)c, ldc);                        \
	} while (0)
	DISPATCH(SYRK, cublasSsyrk_v2_64, cublasDsyrk_v2_64);
	RZ_END;
}

rz_status rz_trsm(rz_queue *q, int type, int wide, int side, int uplo, int trans, int64_t m, int64_t n,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb)
{
	RZ_BEGIN(q->gpu);
#define TRSM(P, real, suffix)                                                  \
	do {                                                                       \
		const real al = (real)alpha;                                           \
		RZ_CALL(cublas##P##trsm##suffix, q->blas, side, uplo, trans, RZ_NON_UNIT, \
			m, n, &al, (const real *)a, lda, (real *)b, ldb);                  \
	} while (0)
	DISPATCH(TRSM, cublasStrsm_v2_64, cublasDtrsm_v2_64);
	RZ_END;
}
