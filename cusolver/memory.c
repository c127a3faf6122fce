//go:build cgo && linux && !nocuda

#include <string.h>
#include "rz.h"

/* Sets address only if nothing fails. */
rz_status rz_allocate(rz_queue *q, size_t bytes, int zero, uint64_t *address)
{
	uint64_t a = 0;
	RZ_BEGIN(q->gpu);
	if (q->gpu->pools)
		RZ_CALL(cuMemAllocAsync, &a, bytes, q->stream);
	else
		RZ_CALL(cuMemAlloc_v2, &a, bytes);
	if (zero)
		RZ_CALL(cuMemsetD8Async, a, 0, bytes, q->stream);
	*address = a;
	a = 0;
	rz_end:
	if (a && q->gpu->pools)
		rz_device->api->cuMemFreeAsync(a, q->stream);
	else if (a)
		rz_device->api->cuMemFree_v2(a);
	rz_leave(rz_device);
	return rz_result;
}

rz_status rz_clear(rz_queue *q, uint64_t address, size_t bytes)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuMemsetD8Async, address, 0, bytes, q->stream);
	RZ_END;
}

rz_status rz_free(rz_queue *q, uint64_t address)
{
	RZ_BEGIN(q->gpu);
	if (q->gpu->pools)
		RZ_CALL(cuMemFreeAsync, address, q->stream);
	else
		RZ_CALL(cuMemFree_v2, address);
	RZ_END;
}

rz_status rz_copy(rz_queue *q, uint64_t to, uint64_t from, size_t bytes)
{
	RZ_BEGIN(q->gpu);
	RZ_CALL(cuMemcpyDtoDAsync_v2, to, from, bytes, q->stream);
	RZ_END;
}

/* A rectangle of a pitched matrix that fits one buffer of a ring, where it is
 * packed. */
typedef struct { size_t x, y, width, rows; } piece;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The piece after p, which has no rows after the last: left to right, then
 * down. */
static piece next(piece p, size_t width, size_t rows, size_t room)
{
	piece n = { p.x + p.width, p.y, 0, 0 };
	if (n.x >= width) {
		n.x = 0;
		n.y = p.y + p.rows;
	}
	n.width = least(width - n.x, room);
	n.rows = least(rows - n.y, width > room ? 1 : room / width);
	return n;
}

static piece first(size_t width, size_t rows, size_t room)
{
	return next((piece){ 0, 0, 0, 0 }, width, rows, room);
}

static void pack(char *to, size_t to_pitch, const char *from, size_t from_pitch, size_t width, size_t rows)
{
	if (to_pitch == width && from_pitch == width) {
		memcpy(to, from, width * rows);
		return;
	}
	for (size_t i = 0; i < rows; i++)
		memcpy(to + i * to_pitch, from + i * from_pitch, width);
}

/* A pitch is limited to what the driver reports as its greatest, 2³¹-1 bytes
 * on every GPU; rows further apart are copied one by one. */
static int too_far(size_t pitch) { return pitch > INT32_MAX; }

static int send(rz_queue *q, uint64_t to, size_t pitch, const void *from, piece p)
{
	const rz_api *api = q->gpu->api;
	if (p.rows == 1 || pitch == p.width)
		return api->cuMemcpyHtoDAsync_v2(to, from, p.width * p.rows, q->stream);
	if (!too_far(pitch)) {
		rz_memcpy2d c = { .src_kind = RZ_MEMORY_HOST, .src_host = from, .src_pitch = p.width,
			.dst_kind = RZ_MEMORY_DEVICE, .dst_device = to, .dst_pitch = pitch,
			.width = p.width, .height = p.rows };
		return api->cuMemcpy2DAsync_v2(&c, q->stream);
	}
	int code = 0;
	for (size_t i = 0; i < p.rows && !code; i++)
		code = api->cuMemcpyHtoDAsync_v2(to + i * pitch, (const char *)from + i * p.width, p.width, q->stream);
	return code;
}

static int receive(rz_queue *q, void *to, uint64_t from, size_t pitch, piece p)
{
	const rz_api *api = q->gpu->api;
	if (p.rows == 1 || pitch == p.width)
		return api->cuMemcpyDtoHAsync_v2(to, from, p.width * p.rows, q->stream);
	if (!too_far(pitch)) {
		rz_memcpy2d c = { .src_kind = RZ_MEMORY_DEVICE, .src_device = from, .src_pitch = pitch,
			.dst_kind = RZ_MEMORY_HOST, .dst_host = to, .dst_pitch = p.width,
			.width = p.width, .height = p.rows };
		return api->cuMemcpy2DAsync_v2(&c, q->stream);
	}
	int code = 0;
	for (size_t i = 0; i < p.rows && !code; i++)
		code = api->cuMemcpyDtoHAsync_v2((char *)to + i * p.width, from + i * pitch, p.width, q->stream);
	return code;
}

/* Records the end of a piece's copy. If that fails the copy is waited for: the
 * next transfer would take its buffer for free. */
static rz_status mark(rz_queue *q, void *arrived)
{
	const rz_api *api = q->gpu->api;
	int code = api->cuEventRecord(arrived, q->stream);
	if (!code)
		return (rz_status){ 0 };
	api->cuStreamSynchronize(q->stream);
	return rz_failed(q->gpu, RZ_CUDA, code, "cuEventRecord");
}

/* Takes the next buffer of a ring. */
static int turn(rz_ring *r)
{
	int i = r->turn;
	r->turn = (i + 1) % r->slots;
	return i;
}

/* Copies host memory to the device; the host memory is free for reuse at
 * return. Sizes are in bytes. */
rz_status rz_upload(rz_queue *q, rz_ring *r, uint64_t to, size_t to_pitch,
	const void *from, size_t from_pitch, size_t width, size_t rows)
{
	RZ_BEGIN(q->gpu);
	if (to_pitch == width && from_pitch == width) {
		to_pitch = from_pitch = width *= rows;
		rows = 1;
	}
	for (piece p = first(width, rows, r->bytes); p.rows; p = next(p, width, rows, r->bytes)) {
		int i = turn(r);
		char *buffer = r->memory + i * r->bytes;
		RZ_CALL(cuEventSynchronize, r->arrived[i]);
		pack(buffer, p.width, (const char *)from + p.y * from_pitch + p.x, from_pitch, p.width, p.rows);
		int code = send(q, to + p.y * to_pitch + p.x, to_pitch, buffer, p);
		if (code) {
			rz_result = rz_failed(rz_device, RZ_CUDA, code, "cuMemcpyHtoDAsync");
			goto rz_end;
		}
		rz_result = mark(q, r->arrived[i]);
		if (rz_result.library)
			goto rz_end;
	}
	RZ_END;
}

/* Copies device memory to the host and waits for it. */
rz_status rz_download(rz_queue *q, rz_ring *r, void *to, size_t to_pitch,
	uint64_t from, size_t from_pitch, size_t width, size_t rows)
{
	RZ_BEGIN(q->gpu);
	int i = 0, last = 0; /* buffers of p and of the piece before it */
	piece before = { 0, 0, 0, 0 };
	if (to_pitch == width && from_pitch == width) {
		to_pitch = from_pitch = width *= rows;
		rows = 1;
	}
	for (piece p = first(width, rows, r->bytes); p.rows || before.rows; last = i) {
		if (p.rows) {
			i = turn(r);
			RZ_CALL(cuEventSynchronize, r->arrived[i]);
			int code = receive(q, r->memory + i * r->bytes, from + p.y * from_pitch + p.x, from_pitch, p);
			if (code) {
				rz_result = rz_failed(rz_device, RZ_CUDA, code, "cuMemcpyDtoHAsync");
				goto rz_end;
			}
			rz_result = mark(q, r->arrived[i]);
			if (rz_result.library)
				goto rz_end;
		}
		if (before.rows) {
			RZ_CALL(cuEventSynchronize, r->arrived[last]);
			pack((char *)to + before.y * to_pitch + before.x, to_pitch, r->memory + last * r->bytes, before.width,
				before.width, before.rows);
		}
		before = p;
		if (p.rows)
			p = next(p, width, rows, r->bytes);
	}
	RZ_END;
}
