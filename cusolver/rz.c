//go:build cgo && linux && !nocuda

#include "rz.h"

rz_status rz_enter(rz_gpu *g)
{
	int code = g->api->cuCtxPushCurrent_v2(g->context);
	if (code)
		return (rz_status){ RZ_CUDA, code, "cuCtxPushCurrent_v2" };
	return (rz_status){ 0 };
}

void rz_leave(rz_gpu *g)
{
	void *context;
	g->api->cuCtxPopCurrent_v2(&context);
}

/* cuBLAS and cuSOLVER report a failed kernel in words of their own; the
 * context knows the cause, and whether the device is lost. */
static int hides_cause(int library, int code)
{
	return library == RZ_BLAS && (code == 13 || code == 14) ||
	       library == RZ_SOLVER && (code == 6 || code == 7);
}

rz_status rz_failed(const rz_gpu *g, int library, int code, const char *call)
{
	if (hides_cause(library, code)) {
		int cause = g->api->cuCtxSynchronize();
		if (cause)
			return (rz_status){ RZ_CUDA, cause, call };
	}
	return (rz_status){ library, code, call };
}
