//go:build cgo && linux && !nocuda

#include <stdlib.h>

#include "ops.h"

#define P(address) ((void *)(address))
#define INFO ((int *)(q->info + (uint64_t)slot * sizeof(int)))

/* FACTORIZE is the body of a factorization by a function of cuSOLVER that
 * takes the arguments before the workspaces and results, INFO or more, after
 * them. The workspace on the host is C memory that lives until the stream has
 * done the work. */
#define FACTORIZE(results, name, ...)                                          \
	void *host = NULL;                                                         \
	RZ_BEGIN(q->gpu);                                                          \
	if (!w->sized) {                                                           \
		RZ_CALL(name##_bufferSize, q->solver, q->params, __VA_ARGS__,          \
			&w->device_bytes, &w->host_bytes);                                 \
		goto rz_end;                                                           \
	}                                                                          \
	if (w->host_bytes && !(host = malloc(w->host_bytes))) {                    \
		rz_result = rz_failed(q->gpu, RZ_SOLVER, RZ_NO_HOST_MEMORY, #name);    \
		goto rz_end;                                                           \
	}                                                                          \
	RZ_CALL(name, q->solver, q->params, __VA_ARGS__,                           \
		P(w->device), w->device_bytes, host, w->host_bytes, results);          \
	rz_end:                                                                    \
	if (host) {                                                                \
		int rz_code = rz_device->api->cuStreamSynchronize(q->stream);          \
		if (!rz_code)                                                          \
			free(host); /* else the device may still write there */            \
		else if (!rz_result.library)                                           \
			rz_result = rz_failed(rz_device, RZ_CUDA, rz_code, "cuStreamSynchronize"); \
	}                                                                          \
	rz_leave(rz_device);                                                       \
	return rz_result

rz_status rz_potrf(rz_queue *q, int type, int uplo, int64_t n, uint64_t a, int64_t lda, rz_work *w, int slot)
{
	FACTORIZE(INFO, cusolverDnXpotrf, uplo, n, type, P(a), lda, type);
}

rz_status rz_geqrf(rz_queue *q, int type, int64_t m, int64_t n, uint64_t a, int64_t lda, uint64_t tau,
	rz_work *w, int slot)
{
	FACTORIZE(INFO, cusolverDnXgeqrf, m, n, type, P(a), lda, type, P(tau), type);
}

rz_status rz_syevd(rz_queue *q, int type, int vectors, int uplo, int64_t n, uint64_t a, int64_t lda, uint64_t eigenvalues,
	rz_work *w, int slot)
{
	const int job = vectors ? RZ_EIG_VECTOR : RZ_EIG_NOVECTOR;
	FACTORIZE(INFO, cusolverDnXsyevd, job, uplo, n, type, P(a), lda, type, P(eigenvalues), type);
}

rz_status rz_gesvd(rz_queue *q, int type, int vectors, int64_t m, int64_t n, uint64_t a, int64_t lda,
	uint64_t s, uint64_t u, int64_t ldu, uint64_t vt, int64_t ldvt, rz_work *w, int slot)
{
	const signed char job = vectors ? 'S' : 'N';
	FACTORIZE(INFO, cusolverDnXgesvd, job, job, m, n, type, P(a), lda, type, P(s), type, P(u), ldu, type, P(vt), ldvt, type);
}

static rz_status gesvdp(rz_queue *q, int type, int64_t m, int64_t n, uint64_t a, int64_t lda,
	uint64_t s, uint64_t u, int64_t ldu, uint64_t v, int64_t ldv, rz_work *w, int slot, double *shift)
{
#define INFO_AND_SHIFT INFO, shift
	FACTORIZE(INFO_AND_SHIFT, cusolverDnXgesvdp, RZ_EIG_VECTOR, 1, m, n, type, P(a), lda, type, P(s), type, P(u), ldu,
		type, P(v), ldv, type);
}

rz_status rz_gesvdp(rz_queue *q, int type, int64_t m, int64_t n, uint64_t a, int64_t lda,
	uint64_t s, uint64_t u, int64_t ldu, uint64_t v, int64_t ldv, rz_work *w, int slot, double *shift)
{
	double written = 0; /* when the stream comes to it */
	rz_status result = gesvdp(q, type, m, n, a, lda, s, u, ldu, v, ldv, w, slot, &written);
	rz_status done = w->sized ? rz_synchronize(q) : result;
	*shift = written;
	return result.library ? result : done;
}

/* orgqr has no X form: workspace in elements, 32-bit sizes. */
#define ORGQR(S, real)                                                         \
	do {                                                                       \
		int elements = (int)(w->device_bytes / sizeof(real));                  \
		if (w->sized) {                                                        \
			RZ_CALL(cusolverDn##S##orgqr, q->solver, m, n, n, P(a), lda, P(tau), \
				P(w->device), elements, INFO);                        \
		} else {                                                               \
			RZ_CALL(cusolverDn##S##orgqr_bufferSize, q->solver, m, n, n, P(a), lda, P(tau), &elements); \
			w->device_bytes = (size_t)elements * sizeof(real);                 \
		}                                                                      \
	} while (0)

rz_status rz_orgqr(rz_queue *q, int type, int m, int n, uint64_t a, int lda, uint64_t tau, rz_work *w, int slot)
{
	RZ_BEGIN(q->gpu);
	if (type == RZ_R_32F)
		ORGQR(S, float);
	else
		ORGQR(D, double);
	RZ_END;
}
