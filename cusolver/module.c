//go:build cgo && linux && !nocuda

#include <stddef.h>
#include "rz.h"

/* Loads PTX text (ending in 0) or a cubin. If the driver refuses it, log tells
 * why. */
rz_status rz_module_load(rz_gpu *g, const void *image, void **module, char *log, size_t size)
{
	int options[] = { RZ_JIT_ERROR_LOG, RZ_JIT_ERROR_LOG_BYTES };
	void *values[] = { log, (void *)size };
	log[0] = 0;
	RZ_BEGIN(g);
	RZ_CALL(cuModuleLoadDataEx, module, image, 2, options, values);
	RZ_END;
}

rz_status rz_module_unload(rz_gpu *g, void *module)
{
	RZ_BEGIN(g);
	RZ_CALL(cuModuleUnload, module);
	RZ_END;
}

rz_status rz_module_function(rz_gpu *g, void *module, const char *name, void **function)
{
	RZ_BEGIN(g);
	RZ_CALL(cuModuleGetFunction, function, module, name);
	RZ_END;
}

/* A block has 48 KiB without asking, of which static shared memory is a part. */
enum { THREADS = 256, MOST_ARGUMENTS = 24, SHARED_WITHOUT_ASKING = 32 << 10 };

/* Launches a kernel on the stream of q with so many bytes of dynamic shared
 * memory. Argument i lies at offsets[i] of arguments. */
rz_status rz_launch(rz_queue *q, void *function, unsigned blocks, unsigned shared,
	const void *arguments, const int *offsets, int n)
{
	void *params[MOST_ARGUMENTS];
	for (int i = 0; i < n; i++)
		params[i] = (char *)arguments + offsets[i];
	RZ_BEGIN(q->gpu);
	if (shared > SHARED_WITHOUT_ASKING)
		RZ_CALL(cuFuncSetAttribute, function, RZ_FUNC_SHARED_MEMORY, (int)shared);
	RZ_CALL(cuLaunchKernel, function, blocks, 1, 1, THREADS, 1, 1, shared, q->stream, params, NULL);
	RZ_END;
}
