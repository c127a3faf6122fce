//go:build !cgo

package native

func symPack[T Float](lo, hi, k int, b []T, ldb int, transposed bool, packed []T) {
	for j := range hi - lo {
		for p := range k {
			packed[j*k+p] = element(lo+j, p, b, ldb, transposed)
		}
	}
}

func symProduct[T Float](lo, hi, k int, α T, a []T, lda int, transposed bool, packed []T, term SymTerm[T], c []T, ldc int, _ []T) {
	for i := lo; i < hi; i++ {
		for j := range i + 1 {
			var sum T
			for p := range k {
				sum += element(i, p, a, lda, transposed) * packed[j*k+p]
			}
			sum *= α
			if term.D != nil {
				sum += term.Beta * term.D[i*term.LD+j]
			}
			if term.Last && i == j {
				sum += term.Gamma
			}
			c[i*ldc+j] = sum
			if term.Last {
				c[j*ldc+i] = sum
			}
		}
	}
}

func packedProduct[T Float](lo, hi, n, k int, α T, a []T, lda int, transposed bool, packed []T, β T, c []T, ldc int, _ []T) {
	for i := lo; i < hi; i++ {
		for j := range n {
			var sum T
			for p := range k {
				sum += element(i, p, a, lda, transposed) * packed[j*k+p]
			}
			sum *= α
			if β != 0 {
				sum += β * c[i*ldc+j]
			}
			c[i*ldc+j] = sum
		}
	}
}
