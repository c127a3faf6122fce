package native

// TangentForward adds bias, unless that is nil, to each of the rows of u (rows×
// k·a) and computes y, whose every a columns are those of u times s (rows×a),
// element by element. y must not overlap the other matrices.
func TangentForward[T Float](rows, k, a int, bias, s []T, lds int, u []T, ldu int, y []T, ldy int) {
	fits(rows, a, s, lds)
	fits(rows, k*a, u, ldu)
	fits(rows, k*a, y, ldy)
	if bias != nil {
		sameLength(len(bias), k*a)
	}
	if rows > 0 && k*a > 0 {
		tangentForward(rows, k, a, bias, s, lds, u, ldu, y, ldy)
	}
}

// TangentBackward computes e ← s·e + c·u, element by element, for e and u
// (rows×k·a) whose every a columns share s and c (rows×a), and the sums of the
// columns of e. With c nil there is no second term. e must not overlap the
// other matrices.
func TangentBackward[T Float](rows, k, a int, s []T, lds int, c []T, ldc int, u []T, ldu int, e []T, lde int, sums []T) {
	fits(rows, a, s, lds)
	fits(rows, k*a, e, lde)
	if c != nil {
		fits(rows, a, c, ldc)
		fits(rows, k*a, u, ldu)
	}
	sameLength(len(sums), k*a)
	if rows > 0 && k*a > 0 {
		tangentBackward(rows, k, a, s, lds, c, ldc, u, ldu, e, lde, sums)
	}
}

func tangentForwardGo[T Float](rows, k, a int, bias, s []T, lds int, u []T, ldu int, y []T, ldy int) {
	for i := range rows {
		for j := range k * a {
			if bias != nil {
				u[i*ldu+j] += bias[j]
			}
			y[i*ldy+j] = s[i*lds+j%a] * u[i*ldu+j]
		}
	}
}

func tangentBackwardGo[T Float](rows, k, a int, s []T, lds int, c []T, ldc int, u []T, ldu int, e []T, lde int, sums []T) {
	clear(sums)
	for i := range rows {
		for j := range k * a {
			x := s[i*lds+j%a] * e[i*lde+j]
			if c != nil {
				x += c[i*ldc+j%a] * u[i*ldu+j]
			}
			e[i*lde+j] = x
			sums[j] += x
		}
	}
}
