/* Products of packed factors, see packed_body.h. */
#ifndef RITZ_PACKED_H
#define RITZ_PACKED_H
#include <stddef.h>
#include <stdint.h>

/* What blocks and tasks of packing begin at multiples of: a multiple of the
 * heights and the widths of all tiles. */
#define RITZ_PACK_ROWS 96

/* C = alpha*A*B' + beta*D + gamma*I for A of m and B of n rows of k elements,
 * which are columns of a and b with ta and tb. With lower the product is
 * symmetric, and gamma counts. */
struct ritz_product {
	ptrdiff_t m, n, k, lda, ldb, ldd, ldc;
	double alpha, beta, gamma;
	int ta, tb, lower;
	ptrdiff_t step;  /* elements of a row that are packed at a time */
	ptrdiff_t steps; /* times */
	ptrdiff_t packs; /* tasks of packing in a step */
	ptrdiff_t cols;  /* columns of a block */
	ptrdiff_t blocks;
};

/* The tasks of a product: in each step the factors are packed, and then
 * multiplied block by block. Workers take the tasks in one order in which what a
 * task waits for is usually done: the next step is packed in the midst of the
 * blocks of one. */
struct ritz_task {
	ptrdiff_t step, number; /* number < 0: there is none left */
	int packs;
};

/* The counters of a product, which are 0 at first: tasks that have begun; tasks
 * of packing, and blocks, that are done in each step; steps that are done of
 * each block. */
struct ritz_task ritz_next_task(const struct ritz_product *p, int32_t *counters);
void ritz_task_done(const struct ritz_product *p, int32_t *counters, struct ritz_task t);

/* The number of rows that room is needed for. */
static inline ptrdiff_t ritz_packed_rows(ptrdiff_t n)
{
	return (n + RITZ_PACK_ROWS - 1) / RITZ_PACK_ROWS * RITZ_PACK_ROWS;
}

/* What one worker does of a product; there may be any number of them. d is 0
 * without D. left and right have room for the packed rows of two steps. corners
 * holds where the blocks begin. */
#define RITZ_PRODUCT(name, real)                                               \
	void name(const struct ritz_product *p, const real *a, const real *b,      \
		const real *d, real *c, real *left, real *right,                       \
		const int32_t *corners, int32_t *counters);
#define RITZ_PRODUCT_LEVEL(level)                                              \
	RITZ_PRODUCT(ritz_product_f32_##level, float)                              \
	RITZ_PRODUCT(ritz_product_f64_##level, double)

RITZ_PRODUCT_LEVEL(base)
#ifdef __x86_64__
RITZ_PRODUCT_LEVEL(v3)
RITZ_PRODUCT_LEVEL(v4)
/* Factors rounded to bfloat16 as they are packed; sums of float. */
RITZ_PRODUCT(ritz_product_bf16_v4, float)
#endif

#define RITZ_PRODUCT_DOOR(type, real)                                          \
	void ritz_product_##type(int level, const struct ritz_product *p,          \
		const real *a, const real *b, const real *d, real *c, real *left,      \
		real *right, const int32_t *corners, int32_t *counters);
RITZ_PRODUCT_DOOR(f32, float)
RITZ_PRODUCT_DOOR(f64, double)

/* Whether there is the kernel behind ritz_product_bf16, which does nothing
 * without. */
int ritz_has_bf16(void);
RITZ_PRODUCT(ritz_product_bf16, float)

/* Asks for pages of 2 MiB in what was not used yet of x, which has size bytes: a
 * wish that the system may be set to ignore. */
void ritz_want_huge_pages(void *x, size_t size);

#endif
