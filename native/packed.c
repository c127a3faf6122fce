#include "packed.h"

#include <sched.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

static int32_t *packed(int32_t *counters) { return counters + 1; }
static int32_t *multiplied(const struct ritz_product *p, int32_t *counters) { return counters + 1 + p->steps; }
static int32_t *taken(const struct ritz_product *p, int32_t *counters) { return counters + 1 + 2 * p->steps; }

static struct ritz_task task(const struct ritz_product *p, ptrdiff_t i)
{
	if (i < p->packs)
		return (struct ritz_task){ 0, i, 1 };
	i -= p->packs;
	ptrdiff_t round = p->blocks + p->packs, step = i / round, half = p->blocks / 2;
	if (step >= p->steps - 1) {
		step = p->steps - 1;
		i -= step * round;
		return (struct ritz_task){ step, i < p->blocks ? i : -1, 0 };
	}
	i -= step * round;
	if (i < half)
		return (struct ritz_task){ step, i, 0 };
	if (i < half + p->packs)
		return (struct ritz_task){ step + 1, i - half, 1 };
	return (struct ritz_task){ step, i - p->packs, 0 };
}

/* Waits until x is at least n. The worker that it waits for may need this core. */
static void await(const int32_t *x, ptrdiff_t n)
{
	for (int spins = 0; __atomic_load_n(x, __ATOMIC_ACQUIRE) < n; spins++) {
#ifdef __x86_64__
		__builtin_ia32_pause();
#endif
		if (spins > 200)
			sched_yield();
	}
}

struct ritz_task ritz_next_task(const struct ritz_product *p, int32_t *counters)
{
	struct ritz_task t = task(p, __atomic_fetch_add(counters, 1, __ATOMIC_RELAXED));
	if (t.number < 0)
		return t;
	if (t.packs && t.step >= 2) /* where the step before the last one was */
		await(multiplied(p, counters) + t.step - 2, p->blocks);
	if (!t.packs) {
		await(packed(counters) + t.step, p->packs);
		await(taken(p, counters) + t.number, t.step);
	}
	return t;
}

static void add(int32_t *x) { __atomic_fetch_add(x, 1, __ATOMIC_RELEASE); }

void ritz_task_done(const struct ritz_product *p, int32_t *counters, struct ritz_task t)
{
	if (t.packs) {
		add(packed(counters) + t.step);
		return;
	}
	add(taken(p, counters) + t.number);
	add(multiplied(p, counters) + t.step);
}

#ifdef __x86_64__
#define AT(name, type) (level == 2 ? ritz_##name##_##type##_v4 : level == 1 ? ritz_##name##_##type##_v3 : ritz_##name##_##type##_base)
#else
#define AT(name, type) ((void)level, ritz_##name##_##type##_base)
#endif

#define DOOR(type, real)                                                       \
	void ritz_product_##type(int level, const struct ritz_product *p,          \
		const real *a, const real *b, const real *d, real *c, real *left,      \
		real *right, const int32_t *corners, int32_t *counters)                \
	{                                                                          \
		AT(product, type)(p, a, b, d, c, left, right, corners, counters);      \
	}

DOOR(f32, float)
DOOR(f64, double)

void ritz_product_bf16(const struct ritz_product *p, const float *a, const float *b, const float *d, float *c, float *left, float *right, const int32_t *corners, int32_t *counters)
{
#ifdef __x86_64__
	ritz_product_bf16_v4(p, a, b, d, c, left, right, corners, counters);
#else
	(void)p, (void)a, (void)b, (void)d, (void)c, (void)left, (void)right, (void)corners, (void)counters;
#endif
}

void ritz_want_huge_pages(void *x, size_t size)
{
#ifdef MADV_HUGEPAGE
	const uintptr_t page = (uintptr_t)2 << 20;
	uintptr_t from = ((uintptr_t)x + page - 1) & -page, to = ((uintptr_t)x + size) & -page;
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
	(void)x, (void)size;
#endif
}
