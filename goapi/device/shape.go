package device

import "fmt"

// Checks of the shapes that the operations of a Queue ask for. Every
// implementation of Queue calls them, so that all devices refuse the same
// calls with the same words. They return nil or a *ShapeError.

func shapeError(op, format string, args ...any) error {
	return &ShapeError{Op: op, Detail: fmt.Sprintf(format, args...)}
}

// CheckMatrix checks that a is a valid view of its buffer.
func CheckMatrix[T Float](op string, a Matrix[T]) error {
	switch {
	case a.Rows < 0 || a.Cols < 0:
		return shapeError(op, "negative shape %d×%d", a.Rows, a.Cols)
	case a.Buf == nil:
		return shapeError(op, "an operand is the zero Matrix")
	case a.Rows == 0 || a.Cols == 0:
		return nil
	case a.LD < a.Cols && a.Rows > 1:
		return shapeError(op, "leading dimension %d is less than the %d columns", a.LD, a.Cols)
	case a.Off < 0 || a.Cols > a.Buf.Len()-a.Off ||
		a.Rows > 1 && (a.Buf.Len()-a.Off-a.Cols)/a.LD < a.Rows-1: // a product could overflow
		return shapeError(op, "a %d×%d view reaches beyond its buffer", a.Rows, a.Cols)
	}
	return nil
}

// CheckSame checks that all operands are valid and of one shape.
func CheckSame[T Float](op string, first Matrix[T], others ...Matrix[T]) error {
	if err := CheckMatrix(op, first); err != nil {
		return err
	}
	for _, m := range others {
		if err := CheckMatrix(op, m); err != nil {
			return err
		}
		if m.Rows != first.Rows || m.Cols != first.Cols {
			return shapeError(op, "%d×%d and %d×%d differ", first.Rows, first.Cols, m.Rows, m.Cols)
		}
	}
	return nil
}

// CheckVector checks that v is a vector of n elements.
func CheckVector[T Float](op string, v Matrix[T], n int) error {
	if err := CheckMatrix(op, v); err != nil {
		return err
	}
	if v.Len() != n || (n > 0 && v.Rows != 1 && v.Cols != 1) {
		return shapeError(op, "%d×%d is no vector of %d elements", v.Rows, v.Cols, n)
	}
	return nil
}

// CheckCopy checks the operands of Queue.Copy.
func CheckCopy[T Float](dst, src Matrix[T]) error {
	if dst.Rows == src.Rows && dst.Cols == src.Cols {
		return CheckSame("Copy", dst, src)
	}
	if err := CheckVector("Copy", dst, src.Len()); err != nil {
		return err
	}
	return CheckVector("Copy", src, dst.Len())
}

// CheckTransfer checks the operands of Upload and Download.
func CheckTransfer[T Float](op string, m Matrix[T], d Dense[T]) error {
	if err := CheckMatrix(op, m); err != nil {
		return err
	}
	if err := d.Validate(op); err != nil {
		return err
	}
	if m.Rows != d.Rows || m.Cols != d.Cols {
		return shapeError(op, "device matrix is %d×%d, host matrix %d×%d", m.Rows, m.Cols, d.Rows, d.Cols)
	}
	return nil
}

func opShape[T Float](t Trans, a Matrix[T]) (rows, cols int) {
	if t == Transp {
		return a.Cols, a.Rows
	}
	return a.Rows, a.Cols
}

func checkAll[T Float](op string, ms ...Matrix[T]) error {
	for _, m := range ms {
		if err := CheckMatrix(op, m); err != nil {
			return err
		}
	}
	return nil
}

// CheckGemm checks the operands of Queue.Gemm.
func CheckGemm[T Float](tA, tB Trans, a, b, c Matrix[T]) error {
	if err := checkAll("Gemm", a, b, c); err != nil {
		return err
	}
	m, k := opShape(tA, a)
	k2, n := opShape(tB, b)
	if k != k2 || c.Rows != m || c.Cols != n {
		return shapeError("Gemm", "%d×%d times %d×%d does not give %d×%d", m, k, k2, n, c.Rows, c.Cols)
	}
	return nil
}

// CheckSyrk checks the operands of Queue.Syrk.
func CheckSyrk[T Float](t Trans, a, c Matrix[T]) error {
	if err := checkAll("Syrk", a, c); err != nil {
		return err
	}
	if n, k := opShape(t, a); c.Rows != n || c.Cols != n {
		return shapeError("Syrk", "%d×%d times its transpose does not give %d×%d", n, k, c.Rows, c.Cols)
	}
	return nil
}

// CheckTrsm checks the operands of Queue.Trsm.
func CheckTrsm[T Float](s Side, a, b Matrix[T]) error {
	if err := checkAll("Trsm", a, b); err != nil {
		return err
	}
	n := b.Rows
	if s == Right {
		n = b.Cols
	}
	if a.Rows != n || a.Cols != n {
		return shapeError("Trsm", "the triangular matrix is %d×%d, the other %d×%d", a.Rows, a.Cols, b.Rows, b.Cols)
	}
	return nil
}

// CheckAdd checks the operands of Queue.Add; b may be the zero Matrix.
func CheckAdd[T Float](tA Trans, a Matrix[T], tB Trans, b, c Matrix[T]) error {
	if err := checkAll("Add", a, c); err != nil {
		return err
	}
	if m, n := opShape(tA, a); m != c.Rows || n != c.Cols {
		return shapeError("Add", "first term is %d×%d, result %d×%d", m, n, c.Rows, c.Cols)
	}
	if b.IsZero() {
		return nil
	}
	if err := CheckMatrix("Add", b); err != nil {
		return err
	}
	if m, n := opShape(tB, b); m != c.Rows || n != c.Cols {
		return shapeError("Add", "second term is %d×%d, result %d×%d", m, n, c.Rows, c.Cols)
	}
	return nil
}

// CheckSquare checks that a is square.
func CheckSquare[T Float](op string, a Matrix[T]) error {
	if err := CheckMatrix(op, a); err != nil {
		return err
	}
	if a.Rows != a.Cols {
		return shapeError(op, "%d×%d is not square", a.Rows, a.Cols)
	}
	return nil
}

// axisLen returns how many numbers a vector along x has for a matrix like a.
func axisLen[T Float](x Axis, a Matrix[T]) int {
	switch x {
	case PerRow:
		return a.Rows
	case PerCol:
		return a.Cols
	}
	return 1
}

// CheckBroadcast checks the operands of ScaleBy and AddBy.
func CheckBroadcast[T Float](op string, x Axis, d, a, b Matrix[T]) error {
	if err := CheckSame(op, a, b); err != nil {
		return err
	}
	if x != PerRow && x != PerCol {
		return shapeError(op, "axis must be PerRow or PerCol")
	}
	return CheckVector(op, d, axisLen(x, a))
}

// CheckMap checks the operands of Map.
func CheckMap[T Float](f Func, a, b Matrix[T]) error {
	if f < Abs || f > Cos {
		return Argument("function", "%d does not exist", int(f))
	}
	return CheckSame("Map", a, b)
}

// CheckReduction checks that r is one of the reductions.
func CheckReduction(r Reduction) error {
	if r < Sum || r > MaxAbs {
		return Argument("reduction", "%d does not exist", int(r))
	}
	return nil
}

// CheckRandom checks the operands of Random.
func CheckRandom[T Float](d Distribution, a Matrix[T]) error {
	if d < Normal || d > Rademacher {
		return Argument("distribution", "%d does not exist", int(d))
	}
	return CheckMatrix("Random", a)
}

// CheckReduce checks the operands of Reduce.
func CheckReduce[T Float](op string, x Axis, a, out Matrix[T]) error {
	if err := CheckMatrix(op, a); err != nil {
		return err
	}
	return CheckVector(op, out, axisLen(x, a))
}

// CheckQR checks the operands of Queue.QR.
func CheckQR[T Float](a, r Matrix[T]) error {
	if err := checkAll("QR", a, r); err != nil {
		return err
	}
	if a.Rows < a.Cols || r.Rows != a.Cols || r.Cols != a.Cols {
		return shapeError("QR", "A %d×%d must have at least as many rows as columns, R is %d×%d", a.Rows, a.Cols, r.Rows, r.Cols)
	}
	return nil
}

// CheckEigh checks the operands of Queue.Eigh.
func CheckEigh[T Float](a, w Matrix[T]) error {
	if err := CheckSquare("Eigh", a); err != nil {
		return err
	}
	return CheckVector("Eigh", w, a.Rows)
}

// CheckSVD checks the operands of Queue.SVD.
func CheckSVD[T Float](a, u, s, vt Matrix[T]) error {
	if err := checkAll("SVD", a); err != nil {
		return err
	}
	k := min(a.Rows, a.Cols)
	if err := CheckVector("SVD", s, k); err != nil {
		return err
	}
	if u.IsZero() && vt.IsZero() {
		return nil
	}
	if err := checkAll("SVD", u, vt); err != nil {
		return err
	}
	if u.Rows != a.Rows || u.Cols != k || vt.Rows != k || vt.Cols != a.Cols {
		return shapeError("SVD", "for A %d×%d, U must be %d×%d and Vᵀ %d×%d, not %d×%d and %d×%d",
			a.Rows, a.Cols, a.Rows, k, k, a.Cols, u.Rows, u.Cols, vt.Rows, vt.Cols)
	}
	return nil
}

// CheckSoftMin checks the operands of SoftMin.
func CheckSoftMin[T Float](x Axis, c, g, out Matrix[T]) error {
	if err := CheckMatrix("SoftMin", c); err != nil {
		return err
	}
	in := c.Cols
	if x == PerCol {
		in = c.Rows
	}
	if err := CheckVector("SoftMin", g, in); err != nil {
		return err
	}
	return CheckVector("SoftMin", out, axisLen(x, c))
}

// CheckGibbs checks the operands of Gibbs.
func CheckGibbs[T Float](f, g, c, out Matrix[T]) error {
	if err := CheckSame("Gibbs", c, out); err != nil {
		return err
	}
	if err := CheckVector("Gibbs", f, c.Rows); err != nil {
		return err
	}
	return CheckVector("Gibbs", g, c.Cols)
}

// CheckScalingStep checks the operands of ScalingStep.
func CheckScalingStep[T Float](k, a, v, u, s Matrix[T]) error {
	if err := CheckMatrix("ScalingStep", k); err != nil {
		return err
	}
	for _, w := range []Matrix[T]{a, u} {
		if err := CheckVector("ScalingStep", w, k.Rows); err != nil {
			return err
		}
	}
	for _, w := range []Matrix[T]{v, s} {
		if err := CheckVector("ScalingStep", w, k.Cols); err != nil {
			return err
		}
	}
	return nil
}

// CheckPairwiseCost checks the operands of PairwiseCost.
func CheckPairwiseCost[T Float](p int, x, y, out Matrix[T]) error {
	if err := checkAll("PairwiseCost", x, y, out); err != nil {
		return err
	}
	if p != 1 && p != 2 {
		return Argument("p", "is %d, must be 1 or 2", p)
	}
	if x.Cols != y.Cols || out.Rows != x.Rows || out.Cols != y.Rows {
		return shapeError("PairwiseCost", "points %d×%d and %d×%d, costs %d×%d", x.Rows, x.Cols, y.Rows, y.Cols, out.Rows, out.Cols)
	}
	return nil
}

// CheckSymMul checks the operands of SymMul.
func CheckSymMul[T Float](a, x, y Matrix[T]) error {
	if err := CheckSquare("SymMul", a); err != nil {
		return err
	}
	if err := CheckSame("SymMul", x, y); err != nil {
		return err
	}
	if x.Cols != a.Rows {
		return shapeError("SymMul", "rows of %d elements do not fit the %d×%d matrix", x.Cols, a.Rows, a.Cols)
	}
	return nil
}

// CheckSymProduct checks the operands of SymProduct.
func CheckSymProduct[T Float](a, b, c Matrix[T]) error {
	if err := CheckSquare("SymProduct", a); err != nil {
		return err
	}
	return CheckSame("SymProduct", a, b, c)
}

// CheckTall checks the operands of TallMuler.TryTallGram.
func CheckTall[T Float](a Matrix[T], x Dense[float64]) error {
	if err := CheckMatrix("TallGram", a); err != nil {
		return err
	}
	if err := x.Validate("TallGram"); err != nil || x.Data == nil {
		return err
	}
	if x.Rows != a.Cols || x.Cols != a.Cols {
		return shapeError("TallGram", "A has %d columns, X is %d×%d", a.Cols, x.Rows, x.Cols)
	}
	return nil
}

// CheckTallMul checks the operands of TallMuler.TryTallMul.
func CheckTallMul[T Float](a Matrix[T], x, y Dense[float64], u Matrix[T], check *TallCheck) error {
	if err := CheckTall(a, x); err != nil {
		return err
	}
	if err := y.Validate("TallMul"); err != nil {
		return err
	}
	if err := CheckMatrix("TallMul", u); err != nil {
		return err
	}
	if y.Rows != a.Cols || u.Rows != a.Rows || u.Cols != y.Cols {
		return shapeError("TallMul", "%d×%d times %d×%d does not give %d×%d", a.Rows, a.Cols, y.Rows, y.Cols, u.Rows, u.Cols)
	}
	if check == nil {
		return nil
	}
	for _, p := range []struct {
		probes Dense[float64]
		rows   int
	}{{check.W, a.Cols}, {check.Z, u.Cols}} {
		if err := p.probes.Validate("TallMul"); err != nil {
			return err
		}
		if p.probes.Rows != p.rows || p.probes.Cols != TallProbes {
			return shapeError("TallMul", "the check's probes are %d×%d, not %d×%d", p.probes.Rows, p.probes.Cols, p.rows, TallProbes)
		}
	}
	return nil
}

// CheckSoftMinPoints checks the operands of SoftMinPoints.
func CheckSoftMinPoints[T Float](p int, x, y, g, out Matrix[T]) error {
	if err := checkAll("SoftMinPoints", x, y); err != nil {
		return err
	}
	if p != 1 && p != 2 {
		return Argument("p", "is %d, must be 1 or 2", p)
	}
	if x.Cols != y.Cols {
		return shapeError("SoftMinPoints", "points of %d and of %d coordinates", x.Cols, y.Cols)
	}
	if err := CheckVector("SoftMinPoints", g, y.Rows); err != nil {
		return err
	}
	return CheckVector("SoftMinPoints", out, x.Rows)
}

// CheckSVDBatch checks the operands of BatchSVDer.
func CheckSVDBatch[T Float](m, n int, a, u, s, vt, checks Matrix[T]) error {
	k := min(m, n)
	shapes := []struct {
		x     Matrix[T]
		width int
	}{{a, m * n}, {s, k}, {checks, 4}, {u, m * k}, {vt, k * n}}
	if u.IsZero() && vt.IsZero() {
		shapes = shapes[:3]
	}
	for _, c := range shapes {
		if err := CheckMatrix("SVDBatch", c.x); err != nil {
			return err
		}
		if m < 1 || n < 1 || c.x.Rows != a.Rows || c.x.Cols != c.width {
			return shapeError("SVDBatch", "%d×%d does not hold what belongs to %d matrices of %d×%d", c.x.Rows, c.x.Cols, a.Rows, m, n)
		}
	}
	return nil
}

// checkPanels checks that u holds derivatives of a matrix like a, side by side.
func checkPanels[T Float](op string, a, u Matrix[T]) error {
	if err := CheckMatrix(op, a); err != nil {
		return err
	}
	if err := CheckMatrix(op, u); err != nil {
		return err
	}
	if a.Rows != u.Rows || a.Cols == 0 && u.Cols > 0 || a.Cols > 0 && u.Cols%a.Cols != 0 {
		return shapeError(op, "%d×%d does not hold derivatives of %d×%d", u.Rows, u.Cols, a.Rows, a.Cols)
	}
	return nil
}

// CheckTangentForward checks the operands of TangentForward.
func CheckTangentForward[T Float](bias, s, u, y Matrix[T]) error {
	if err := checkPanels("TangentForward", s, u); err != nil {
		return err
	}
	if !bias.IsZero() {
		if err := CheckVector("TangentForward", bias, u.Cols); err != nil {
			return err
		}
	}
	return CheckSame("TangentForward", u, y)
}

// CheckTangentBackward checks the operands of TangentBackward.
func CheckTangentBackward[T Float](s, c, u, e, sums Matrix[T]) error {
	if err := checkPanels("TangentBackward", s, e); err != nil {
		return err
	}
	if !c.IsZero() || !u.IsZero() {
		if err := CheckSame("TangentBackward", s, c); err != nil {
			return err
		}
		if err := CheckSame("TangentBackward", e, u); err != nil {
			return err
		}
	}
	if sums.IsZero() {
		return nil
	}
	return CheckVector("TangentBackward", sums, e.Cols)
}

// CheckSoftmaxTangent checks the operands of SoftmaxTangent.
func CheckSoftmaxTangent[T Float](p, u Matrix[T]) error { return checkPanels("SoftmaxTangent", p, u) }

// CheckScaledSums checks the operands of ScaledSums; b may be the zero Matrix.
func CheckScaledSums[T Float](a, b, out Matrix[T]) error {
	if err := CheckMatrix("ScaledSums", a); err != nil {
		return err
	}
	if !b.IsZero() {
		if err := CheckSame("ScaledSums", a, b); err != nil {
			return err
		}
	}
	return CheckVector("ScaledSums", out, 3)
}
