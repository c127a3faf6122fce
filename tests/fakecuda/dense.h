/* BLAS and LAPACK for both element types: OpenBLAS's Fortran symbols behind
 * overloaded names. All matrices are column-major. */
#ifndef FAKECUDA_DENSE_H
#define FAKECUDA_DENSE_H

#include <cstddef>
#include <cstdint>
#include <vector>

/* gfortran passes the length of every character argument at the end. */
#define DENSE_DECLARE(p, T)                                                                                            \
	extern "C" {                                                                                                       \
	void p##gemm_(const char *, const char *, const int *, const int *, const int *, const T *, const T *,             \
		const int *, const T *, const int *, const T *, T *, const int *, size_t, size_t);                             \
	void p##syrk_(const char *, const char *, const int *, const int *, const T *, const T *, const int *,             \
		const T *, T *, const int *, size_t, size_t);                                                                  \
	void p##symm_(const char *, const char *, const int *, const int *, const T *, const T *, const int *,             \
		const T *, const int *, const T *, T *, const int *, size_t, size_t);                                          \
	void p##trsm_(const char *, const char *, const char *, const char *, const int *, const int *, const T *,         \
		const T *, const int *, T *, const int *, size_t, size_t, size_t, size_t);                                     \
	void p##trmm_(const char *, const char *, const char *, const char *, const int *, const int *, const T *,         \
		const T *, const int *, T *, const int *, size_t, size_t, size_t, size_t);                                     \
	void p##gemv_(const char *, const int *, const int *, const T *, const T *, const int *, const T *,                \
		const int *, const T *, T *, const int *, size_t);                                                             \
	void p##gesdd_(const char *, const int *, const int *, T *, const int *, T *, T *, const int *, T *,               \
		const int *, T *, const int *, int *, int *, size_t);                                                          \
	void p##syevd_(const char *, const char *, const int *, T *, const int *, T *, T *, const int *, int *,            \
		const int *, int *, size_t, size_t);                                                                           \
	void p##geqrf_(const int *, const int *, T *, const int *, T *, T *, const int *, int *);                          \
	void p##orgqr_(const int *, const int *, const int *, T *, const int *, const T *, T *, const int *, int *);       \
	void p##ormqr_(const char *, const char *, const int *, const int *, const int *, const T *, const int *,          \
		const T *, T *, const int *, T *, const int *, int *, size_t, size_t);                                         \
	void p##potrf_(const char *, const int *, T *, const int *, int *, size_t);                                        \
	void p##potrs_(const char *, const int *, const int *, const T *, const int *, T *, const int *, int *, size_t);   \
	void p##getrf_(const int *, const int *, T *, const int *, int *, int *);                                          \
	void p##getrs_(const char *, const int *, const int *, const T *, const int *, const int *, T *, const int *,      \
		int *, size_t);                                                                                                \
	void p##trtri_(const char *, const char *, const int *, T *, const int *, int *, size_t, size_t);                  \
	}                                                                                                                  \
	namespace dense {                                                                                                  \
	inline void gemm(char ta, char tb, int m, int n, int k, T al, const T *a, int lda, const T *b, int ldb, T be,      \
		T *c, int ldc)                                                                                                 \
	{                                                                                                                  \
		p##gemm_(&ta, &tb, &m, &n, &k, &al, a, &lda, b, &ldb, &be, c, &ldc, 1, 1);                                     \
	}                                                                                                                  \
	inline void syrk(char uplo, char t, int n, int k, T al, const T *a, int lda, T be, T *c, int ldc)                  \
	{                                                                                                                  \
		p##syrk_(&uplo, &t, &n, &k, &al, a, &lda, &be, c, &ldc, 1, 1);                                                 \
	}                                                                                                                  \
	inline void symm(char side, char uplo, int m, int n, T al, const T *a, int lda, const T *b, int ldb, T be, T *c,   \
		int ldc)                                                                                                       \
	{                                                                                                                  \
		p##symm_(&side, &uplo, &m, &n, &al, a, &lda, b, &ldb, &be, c, &ldc, 1, 1);                                     \
	}                                                                                                                  \
	inline void trsm(char side, char uplo, char t, char diag, int m, int n, T al, const T *a, int lda, T *b, int ldb)  \
	{                                                                                                                  \
		p##trsm_(&side, &uplo, &t, &diag, &m, &n, &al, a, &lda, b, &ldb, 1, 1, 1, 1);                                  \
	}                                                                                                                  \
	inline void trmm(char side, char uplo, char t, char diag, int m, int n, T al, const T *a, int lda, T *b, int ldb)  \
	{                                                                                                                  \
		p##trmm_(&side, &uplo, &t, &diag, &m, &n, &al, a, &lda, b, &ldb, 1, 1, 1, 1);                                  \
	}                                                                                                                  \
	inline void gemv(char t, int m, int n, T al, const T *a, int lda, const T *x, int incx, T be, T *y, int incy)      \
	{                                                                                                                  \
		p##gemv_(&t, &m, &n, &al, a, &lda, x, &incx, &be, y, &incy, 1);                                                \
	}                                                                                                                  \
	inline int gesdd(char job, int m, int n, T *a, int lda, T *s, T *u, int ldu, T *vt, int ldvt)                      \
	{                                                                                                                  \
		int info, query = -1, k = m < n ? m : n;                                                                       \
		T size;                                                                                                        \
		std::vector<int> iwork(8 * k + 1);                                                                             \
		p##gesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, &size, &query, iwork.data(), &info, 1);                \
		int lwork = int(size) + 1;                                                                                     \
		std::vector<T> work(lwork);                                                                                    \
		p##gesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work.data(), &lwork, iwork.data(), &info, 1);          \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int syevd(char job, char uplo, int n, T *a, int lda, T *w)                                                  \
	{                                                                                                                  \
		int info, query = -1, isize;                                                                                   \
		T size;                                                                                                        \
		p##syevd_(&job, &uplo, &n, a, &lda, w, &size, &query, &isize, &query, &info, 1, 1);                            \
		int lwork = int(size) + 1;                                                                                     \
		std::vector<T> work(lwork);                                                                                    \
		std::vector<int> iwork(isize);                                                                                 \
		p##syevd_(&job, &uplo, &n, a, &lda, w, work.data(), &lwork, iwork.data(), &isize, &info, 1, 1);                \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int geqrf(int m, int n, T *a, int lda, T *tau)                                                              \
	{                                                                                                                  \
		int info, lwork = 64 * (n + 1);                                                                                \
		std::vector<T> work(lwork);                                                                                    \
		p##geqrf_(&m, &n, a, &lda, tau, work.data(), &lwork, &info);                                                   \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int orgqr(int m, int n, int k, T *a, int lda, const T *tau)                                                 \
	{                                                                                                                  \
		int info, lwork = 64 * (n + 1);                                                                                \
		std::vector<T> work(lwork);                                                                                    \
		p##orgqr_(&m, &n, &k, a, &lda, tau, work.data(), &lwork, &info);                                               \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int ormqr(char side, char t, int m, int n, int k, const T *a, int lda, const T *tau, T *c, int ldc)         \
	{                                                                                                                  \
		int info, lwork = 64 * (m + n + 65);                                                                           \
		std::vector<T> work(lwork);                                                                                    \
		p##ormqr_(&side, &t, &m, &n, &k, a, &lda, tau, c, &ldc, work.data(), &lwork, &info, 1, 1);                     \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int potrf(char uplo, int n, T *a, int lda)                                                                  \
	{                                                                                                                  \
		int info;                                                                                                      \
		p##potrf_(&uplo, &n, a, &lda, &info, 1);                                                                       \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int potrs(char uplo, int n, int nrhs, const T *a, int lda, T *b, int ldb)                                   \
	{                                                                                                                  \
		int info;                                                                                                      \
		p##potrs_(&uplo, &n, &nrhs, a, &lda, b, &ldb, &info, 1);                                                       \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int getrf(int m, int n, T *a, int lda, int *pivots)                                                         \
	{                                                                                                                  \
		int info;                                                                                                      \
		p##getrf_(&m, &n, a, &lda, pivots, &info);                                                                     \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int getrs(char t, int n, int nrhs, const T *a, int lda, const int *pivots, T *b, int ldb)                   \
	{                                                                                                                  \
		int info;                                                                                                      \
		p##getrs_(&t, &n, &nrhs, a, &lda, pivots, b, &ldb, &info, 1);                                                  \
		return info;                                                                                                   \
	}                                                                                                                  \
	inline int trtri(char uplo, char diag, int n, T *a, int lda)                                                       \
	{                                                                                                                  \
		int info;                                                                                                      \
		p##trtri_(&uplo, &diag, &n, a, &lda, &info, 1, 1);                                                             \
		return info;                                                                                                   \
	}                                                                                                                  \
	}

DENSE_DECLARE(s, float)
DENSE_DECLARE(d, double)

namespace dense {

/* copy returns the m×n matrix at a without the gap between its columns. */
template <class T> std::vector<T> copy(int64_t m, int64_t n, const T *a, int64_t lda)
{
	std::vector<T> to(size_t(m) * n);
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < m; i++)
			to[j * m + i] = a[j * lda + i];
	return to;
}

/* store writes an m×n matrix with leading dimension ldf to a. */
template <class T> void store(int64_t m, int64_t n, const T *from, int64_t ldf, T *a, int64_t lda)
{
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < m; i++)
			a[j * lda + i] = from[j * ldf + i];
}

template <class T> void fill(int64_t m, int64_t n, T value, T *a, int64_t lda)
{
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < m; i++)
			a[j * lda + i] = value;
}

} // namespace dense

#endif
