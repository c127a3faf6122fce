/* The C side of package cusolver. Every function that Go calls pushes the
 * primary context, works and pops it: a goroutine may move to another thread
 * between two calls, so no CUDA state survives one. */
#ifndef RZ_H
#define RZ_H

#include "abi.h"

/* The outcome of a call. */
typedef struct {
	int library;      /* that failed, 0 if all went well */
	int code;         /* the library's status, RZ_MISSING, or RZ_NO_HOST_MEMORY */
	const char *call; /* function that failed */
} rz_status;

enum {
	RZ_MISSING = -1,       /* the library lacks the function */
	RZ_NO_HOST_MEMORY = -2 /* malloc failed */
};

/* Page-locked buffers, used in turn: while the device reads or writes one, the
 * processor fills or empties another. Go memory is never read by the device
 * itself, so that it need not stay in place after a call. */
enum { RZ_SLOTS = 8 }; /* at most */
typedef struct {
	size_t bytes;            /* of each */
	int slots, turn;         /* how many, and which is next */
	char *memory;            /* one after the other */
	void *arrived[RZ_SLOTS]; /* events that end the last transfer from or to each */
} rz_ring;

typedef struct {
	const rz_api *api;
	int device;          /* CUdevice */
	void *context;       /* primary context */
	int capability;      /* major*10 + minor */
	int multiprocessors;
	int shared_memory;   /* most bytes of a block */
	int pools;           /* cuMemAllocAsync works */
	void *pool;          /* the device's memory pool */
	rz_ring ring;        /* for long transfers */
} rz_gpu;

/* What the driver says of a device before it is used. */
typedef struct {
	int device;
	char name[256];
	rz_uuid uuid;
	char bus[32];  /* "0000:3b:00.0" */
	size_t memory; /* bytes */
	int capability;
	int multiprocessors;
	int shared_memory;
	int pools;
	int mode; /* compute mode */
} rz_properties;

/* A stream with its handles. It serves one goroutine at a time. */
typedef struct {
	rz_gpu *gpu;
	void *stream;
	void *blas;
	void *solver;
	void *params;           /* cusolverDnParams_t */
	uint64_t workspace;     /* of cuBLAS */
	size_t workspace_size;
	uint64_t info;          /* RZ_INFOS ints on the device, for factorizations */
	rz_ring ring;           /* for short transfers */
} rz_queue;

enum { RZ_INFOS = 256, RZ_RING_SHORT = 32 << 10, RZ_RING_LONG = 32 << 20 };

#define RZ_LIBRARY(library, need, result, name, arguments) RZ_LIBRARY_##name = RZ_##library,
enum { RZ_FUNCTIONS(RZ_LIBRARY) RZ_LIBRARY_END };
#undef RZ_LIBRARY

rz_status rz_enter(rz_gpu *g);
void rz_leave(rz_gpu *g);
rz_status rz_failed(const rz_gpu *g, int library, int code, const char *call);

/* load.c */
void *rz_load(const char *path, int only_if_loaded, char *why, size_t size);
void rz_origin(void *handle, char *path, size_t size);
const char *rz_bind(rz_api *api, int library, void *handle);
void rz_versions(const rz_api *api, int *blas, int *lt, int *solver);

/* context.c */
rz_status rz_init(const rz_api *api, int *count, int *driver);
rz_status rz_describe(const rz_api *api, int ordinal, rz_properties *p);
rz_status rz_retain(rz_gpu *g);
rz_status rz_release(rz_gpu *g);
rz_status rz_free_memory(rz_gpu *g, size_t *bytes);
rz_status rz_wait(rz_gpu *g);
rz_status rz_trim(rz_gpu *g);

/* stream.c */
rz_status rz_queue_open(rz_queue *q);
rz_status rz_queue_close(rz_queue *q);
rz_status rz_synchronize(rz_queue *q);
rz_status rz_ring_open(rz_gpu *g, rz_ring *r, int slots, size_t bytes);
rz_status rz_ring_close(rz_gpu *g, rz_ring *r);

/* memory.c */
rz_status rz_allocate(rz_queue *q, size_t bytes, int zero, uint64_t *address);
rz_status rz_clear(rz_queue *q, uint64_t address, size_t bytes);
rz_status rz_free(rz_queue *q, uint64_t address);
rz_status rz_copy(rz_queue *q, uint64_t to, uint64_t from, size_t bytes);
rz_status rz_upload(rz_queue *q, rz_ring *r, uint64_t to, size_t to_pitch,
	const void *from, size_t from_pitch, size_t width, size_t rows);
rz_status rz_download(rz_queue *q, rz_ring *r, void *to, size_t to_pitch,
	uint64_t from, size_t from_pitch, size_t width, size_t rows);

/* module.c */
rz_status rz_module_load(rz_gpu *g, const void *image, void **module, char *log, size_t size);
rz_status rz_module_unload(rz_gpu *g, void *module);
rz_status rz_module_function(rz_gpu *g, void *module, const char *name, void **function);
rz_status rz_launch(rz_queue *q, void *function, unsigned blocks, unsigned shared,
	const void *arguments, const int *offsets, int n);

/* graph.c */
int rz_can_record(const rz_gpu *g);
rz_status rz_record_begin(rz_queue *q);
rz_status rz_record_end(rz_queue *q, int keep, void **executable);
rz_status rz_record_play(rz_queue *q, void *executable);
rz_status rz_record_close(rz_queue *q, void *executable, const uint64_t *memory, int n);
rz_status rz_record_allocate(rz_queue *q, size_t bytes, uint64_t *address);

/* nvrtc.c */
rz_status rz_nvrtc_version(const rz_api *api, int *major, int *minor);
rz_status rz_nvrtc_supports(const rz_api *api, int arch, int *supported);
rz_status rz_nvrtc_compile(const rz_api *api, const char *source, const char *name,
	const char *header, const char *header_name, const char *const *options, int n,
	void **image, size_t *bytes, char *log, size_t size);

/* The frame of a function that Go calls:
 *
 *	rz_status rz_f(rz_queue *q, …)
 *	{
 *		RZ_BEGIN(q->gpu);
 *		RZ_CALL(cuStreamSynchronize, q->stream);
 *		RZ_END;
 *	}
 *
 * A failing call leaves through RZ_END, which returns rz_result. After one by
 * RZ_TRY the function goes on: it ends things, as many as it can. */
#define RZ_BEGIN(g)                                                            \
	rz_gpu *const rz_device = (g);                                             \
	rz_status rz_result = rz_enter(rz_device);                                 \
	if (rz_result.library)                                                     \
		return rz_result

#define RZ_TRY(name, ...)                                                      \
	do {                                                                       \
		int rz_code = rz_device->api->name                                     \
			? (int)rz_device->api->name(__VA_ARGS__) : RZ_MISSING;             \
		if (rz_code && !rz_result.library)                                     \
			rz_result = rz_failed(rz_device, RZ_LIBRARY_##name, rz_code, #name); \
	} while (0)

#define RZ_CALL(name, ...)                                                     \
	do {                                                                       \
		RZ_TRY(name, __VA_ARGS__);                                             \
		if (rz_result.library)                                                 \
			goto rz_end;                                                       \
	} while (0)

#define RZ_END                                                                 \
	goto rz_end;                                                               \
	rz_end:                                                                    \
	rz_leave(rz_device);                                                       \
	return rz_result

#endif
