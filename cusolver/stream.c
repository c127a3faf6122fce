//go:build cgo && linux && !nocuda

#include "rz.h"

/* NVIDIA's advice for Hopper, and for what came before. */
static size_t workspace_for(int capability)
{
	return capability >= 90 ? 32 << 20 : 4 << 20;
}

rz_status rz_ring_open(rz_gpu *g, rz_ring *r, int slots, size_t bytes)
{
	void *memory = NULL;
	RZ_BEGIN(g);
	RZ_CALL(cuMemHostAlloc, &memory, slots * bytes, RZ_HOST_PORTABLE);
	r->memory = memory;
	for (int i = 0; i < slots; i++)
		RZ_CALL(cuEventCreate, &r->arrived[i], RZ_EVENT_BLOCKING_SYNC | RZ_EVENT_DISABLE_TIMING);
	r->slots = slots;
	r->bytes = bytes;
	RZ_END;
}

/* Closes as much as there is, and returns the first failure. All streams have
 * done their work. */
rz_status rz_ring_close(rz_gpu *g, rz_ring *r)
{
	RZ_BEGIN(g);
	for (int i = 0; i < RZ_SLOTS; i++)
		if (r->arrived[i])
			RZ_TRY(cuEventDestroy_v2, r->arrived[i]);
	if (r->memory)
		RZ_TRY(cuMemFreeHost, r->memory);
	*r = (rz_ring){ 0 };
	RZ_END;
}

static rz_status open_handles(rz_queue *q)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuStreamCreateWithPriority, &q->stream, RZ_STREAM_NON_BLOCKING, 0);
	q->workspace_size = workspace_for(q->gpu->capability);
	RZ_CALL(cuMemAlloc_v2, &q->workspace, q->workspace_size);
	RZ_CALL(cuMemAlloc_v2, &q->info, RZ_INFOS * sizeof(int));
	RZ_CALL(cublasCreate_v2, &q->blas);
	RZ_CALL(cublasSetStream_v2, q->blas, q->stream);
	/* After the stream, which resets it. A workspace of its own makes
	 * results repeatable. */
	RZ_CALL(cublasSetWorkspace_v2, q->blas, (void *)(uintptr_t)q->workspace, q->workspace_size);
	RZ_CALL(cublasSetMathMode, q->blas, RZ_MATH_DEFAULT);
	RZ_CALL(cusolverDnCreate, &q->solver);
	RZ_CALL(cusolverDnSetStream, q->solver, q->stream);
	RZ_CALL(cusolverDnCreateParams, &q->params);
	RZ_END;
}

/* rz_queue_open makes the stream and the handles of q, whose gpu is set and
 * whose other fields are 0. After a failure rz_queue_close undoes the rest. */
rz_status rz_queue_open(rz_queue *q)
{
	rz_status s = open_handles(q);
	return s.library ? s : rz_ring_open(q->gpu, &q->ring, RZ_SLOTS, RZ_RING_SHORT);
}

static rz_status close_handles(rz_queue *q)
{
	RZ_BEGIN(q->gpu);
	if (q->stream)
		RZ_TRY(cuStreamSynchronize, q->stream);
	if (q->params)
		RZ_TRY(cusolverDnDestroyParams, q->params);
	if (q->solver)
		RZ_TRY(cusolverDnDestroy, q->solver);
	if (q->blas)
		RZ_TRY(cublasDestroy_v2, q->blas);
	if (q->info)
		RZ_TRY(cuMemFree_v2, q->info);
	if (q->workspace)
		RZ_TRY(cuMemFree_v2, q->workspace);
	if (q->stream)
		RZ_TRY(cuStreamDestroy_v2, q->stream);
	RZ_END;
}

/* Closes as much as there is, and returns the first failure. */
rz_status rz_queue_close(rz_queue *q)
{
	rz_status handles = close_handles(q), ring = rz_ring_close(q->gpu, &q->ring);
	*q = (rz_queue){ .gpu = q->gpu };
	return handles.library ? handles : ring;
}

rz_status rz_synchronize(rz_queue *q)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuStreamSynchronize, q->stream);
	RZ_END;
}
