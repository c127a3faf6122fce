//go:build cgo && linux && !nocuda

#include "rz.h"

int rz_can_record(const rz_gpu *g)
{
	const rz_api *api = g->api;
	return api->cuStreamBeginCapture_v2 && api->cuStreamEndCapture && api->cuGraphInstantiateWithFlags &&
		api->cuGraphLaunch && api->cuGraphExecDestroy && api->cuGraphDestroy;
}

/* In the relaxed mode a capture may end on another thread than it began on, and
 * other streams are not disturbed. */
rz_status rz_record_begin(rz_queue *q)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuStreamBeginCapture_v2, q->stream, RZ_CAPTURE_RELAXED);
	RZ_END;
}

/* Ends the capture in any case. With keep = 0, or after a failure, there is no
 * executable. */
rz_status rz_record_end(rz_queue *q, int keep, void **executable)
{
	void *graph = NULL;
	RZ_BEGIN(q->gpu);
	RZ_TRY(cuStreamEndCapture, q->stream, &graph);
	if (graph && keep && !rz_result.library)
		RZ_TRY(cuGraphInstantiateWithFlags, executable, graph, 0);
	if (graph)
		RZ_TRY(cuGraphDestroy, graph);
	RZ_END;
}

rz_status rz_record_play(rz_queue *q, void *executable)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuGraphLaunch, executable, q->stream);
	RZ_END;
}

/* Waits for the stream, then destroys the executable and frees n pieces of
 * memory. */
rz_status rz_record_close(rz_queue *q, void *executable, const uint64_t *memory, int n)
{
	RZ_BEGIN(q->gpu);
	RZ_TRY(cuStreamSynchronize, q->stream);
	if (executable)
		RZ_TRY(cuGraphExecDestroy, executable);
	for (int i = 0; i < n; i++)
		RZ_TRY(cuMemFree_v2, memory[i]);
	RZ_END;
}

/* Memory for a recording, which may not come from the stream's pool. */
rz_status rz_record_allocate(rz_queue *q, size_t bytes, uint64_t *address)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuMemAlloc_v2, address, bytes);
	RZ_END;
}
