//go:build cgo && linux && !nocuda

#include "rz.h"

/* Until there is a context, calls need none. */
#define CALL(name, ...)                                                        \
	do {                                                                       \
		int code = api->name(__VA_ARGS__);                                     \
		if (code)                                                              \
			return (rz_status){ RZ_CUDA, code, #name };                     \
	} while (0)

rz_status rz_init(const rz_api *api, int *count, int *driver)
{
	CALL(cuInit, 0);
	CALL(cuDriverGetVersion, driver);
	CALL(cuDeviceGetCount, count);
	return (rz_status){ 0 };
}

rz_status rz_describe(const rz_api *api, int ordinal, rz_properties *p)
{
	int major, minor;
	CALL(cuDeviceGet, &p->device, ordinal);
	CALL(cuDeviceGetName, p->name, sizeof p->name, p->device);
	if (api->cuDeviceGetUuid_v2) /* tells MIG instances apart */
		CALL(cuDeviceGetUuid_v2, &p->uuid, p->device);
	else if (api->cuDeviceGetUuid) /* of drivers before CUDA 11.4 */
		CALL(cuDeviceGetUuid, &p->uuid, p->device);
	CALL(cuDeviceGetPCIBusId, p->bus, sizeof p->bus, p->device);
	CALL(cuDeviceTotalMem_v2, &p->memory, p->device);
	CALL(cuDeviceGetAttribute, &major, RZ_ATTR_CAPABILITY_MAJOR, p->device);
	CALL(cuDeviceGetAttribute, &minor, RZ_ATTR_CAPABILITY_MINOR, p->device);
	CALL(cuDeviceGetAttribute, &p->multiprocessors, RZ_ATTR_MULTIPROCESSORS, p->device);
	CALL(cuDeviceGetAttribute, &p->shared_memory, RZ_ATTR_SHARED_MEMORY_OPTIN, p->device);
	CALL(cuDeviceGetAttribute, &p->mode, RZ_ATTR_COMPUTE_MODE, p->device);
	/* A driver too old to know this attribute has no pools. */
	if (api->cuDeviceGetAttribute(&p->pools, RZ_ATTR_MEMORY_POOLS, p->device))
		p->pools = 0;
	p->pools = p->pools && api->cuMemAllocAsync && api->cuMemFreeAsync &&
		api->cuDeviceGetDefaultMemPool && api->cuMemPoolSetAttribute && api->cuMemPoolTrimTo;
	p->capability = 10 * major + minor;
	return (rz_status){ 0 };
}

/* rz_retain makes the primary context. Waiting blocks, since spinning would
 * keep a processor from Go. */
rz_status rz_retain(rz_gpu *g)
{
	const rz_api *api = g->api;
	/* Fails if another library in this process has the context already; it
	 * then keeps that library's way of waiting. */
	api->cuDevicePrimaryCtxSetFlags_v2(g->device, RZ_CTX_BLOCKING_SYNC);
	CALL(cuDevicePrimaryCtxRetain, &g->context, g->device);
	if (!g->pools)
		return (rz_status){ 0 };
	/* The pool keeps what is freed: getting memory back from the driver
	 * costs as much as a kernel. */
	uint64_t all = UINT64_MAX;
	int code = api->cuDeviceGetDefaultMemPool(&g->pool, g->device);
	if (!code)
		code = api->cuMemPoolSetAttribute(g->pool, RZ_POOL_RELEASE_THRESHOLD, &all);
	if (code)
		g->pools = 0;
	return (rz_status){ 0 };
}

rz_status rz_release(rz_gpu *g)
{
	const rz_api *api = g->api;
	CALL(cuDevicePrimaryCtxRelease_v2, g->device);
	return (rz_status){ 0 };
}

rz_status rz_free_memory(rz_gpu *g, size_t *bytes)
{
	size_t total;
	RZ_BEGIN(g);
	RZ_CALL(cuMemGetInfo_v2, bytes, &total);
	RZ_END;
}

/* rz_wait waits for the work of all streams. */
rz_status rz_wait(rz_gpu *g)
{
	RZ_BEGIN(g);
	RZ_CALL(cuCtxSynchronize);
	RZ_END;
}

/* rz_trim waits for all work, after which what was freed is free, and gives the
 * memory that the pool keeps back to the driver. */
rz_status rz_trim(rz_gpu *g)
{
	RZ_BEGIN(g);
	RZ_CALL(cuCtxSynchronize);
	if (g->pools)
		RZ_CALL(cuMemPoolTrimTo, g->pool, 0);
	RZ_END;
}
