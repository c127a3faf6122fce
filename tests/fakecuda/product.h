/* Matrix products as the tensor cores do them, for cuBLAS and cuBLASLt. */
#ifndef FAKECUDA_PRODUCT_H
#define FAKECUDA_PRODUCT_H

#include "dense.h"
#include "numbers.h"

namespace product {

/* A matrix of any element type in device memory, column-major. */
struct Operand {
	const void *p;
	int type;
	bool transposed;
	int64_t ld;
	int64_t stride; /* elements between the matrices of a batch */

	const void *of(int64_t batch) const
	{
		return static_cast<const char *>(p) + batch * stride * int64_t(numbers::size(type));
	}
};

/* scale is the type of α and β that a compute type wants. */
inline int scale(int compute)
{
	if (compute == numbers::C64F || compute == numbers::C64F_PEDANTIC)
		return numbers::F64;
	return compute == numbers::C16F ? numbers::F16 : numbers::F32;
}

/* known says whether the libraries multiply these types with that compute
 * type: the rows of cublasGemmEx's table that hold real floating-point types. */
inline bool known(int compute, int a, int b, int c)
{
	using namespace numbers;
	if (a != b)
		return false;
	switch (compute) {
	case C64F: case C64F_PEDANTIC: return a == F64 && c == F64;
	case C16F: return a == F16 && c == F16;
	case C32F: case C32F_PEDANTIC: return (a == F32 && c == F32) || ((a == F16 || a == BF16) && (c == a || c == F32));
	case FAST_16F: case FAST_16BF: case FAST_TF32: return a == F32 && c == F32;
	}
	return false;
}

/* op copies op(X), m×n, to real elements, rounded as the units round. */
template <class T> std::vector<T> op(int compute, const Operand &x, const void *p, int64_t m, int64_t n)
{
	std::vector<T> to(size_t(m) * n);
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < m; i++) {
			T v = T(numbers::load(x.type, p, x.transposed ? j + i * x.ld : i + j * x.ld));
			if constexpr (sizeof(T) == 4)
				v = numbers::rounded(compute, v);
			to[j * m + i] = v;
		}
	return to;
}

/* gemm computes D = α·op(A)·op(B) + β·C, m×n with inner dimension k, for one
 * matrix of the batch. With β = 0, C is not read. */
template <class T> void gemm(int compute, int64_t m, int64_t n, int64_t k, T alpha, const Operand &a, const Operand &b, T beta,
	const Operand &c, const Operand &d, int64_t batch)
{
	std::vector<T> x = op<T>(compute, a, a.of(batch), m, k), y = op<T>(compute, b, b.of(batch), k, n), z(size_t(m) * n);
	if (m && n && k)
		dense::gemm('N', 'N', int(m), int(n), int(k), alpha, x.data(), int(m), y.data(), int(k), T(0), z.data(), int(m));
	void *to = const_cast<void *>(d.of(batch));
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < m; i++) {
			T v = z[j * m + i];
			if (beta != 0)
				v += beta * T(numbers::load(c.type, c.of(batch), c.transposed ? j + i * c.ld : i + j * c.ld));
			numbers::save(d.type, to, d.transposed ? j + i * d.ld : i + j * d.ld, v);
		}
}

} // namespace product

#endif
