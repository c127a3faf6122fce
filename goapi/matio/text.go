package matio

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// openCSV parses a table of numbers. A first line without any number is a
// header: one with some may be data with a gap, which must not be lost. Fields
// are separated by commas, or by tabs, semicolons or spaces if the first line has
// no comma.
func (f *File) openCSV() error {
	r, err := reader(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	b := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = b.Discard(len(byteOrderMark)) // which is there
	}
	line, err := b.Peek(1 << 12)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return malformed(f.Path, "cannot be read: %v", err)
	}
	c := csv.NewReader(b)
	c.ReuseRecord = true
	c.TrimLeadingSpace = true
	c.Comment = '#'
	first := ""
	for l := range strings.Lines(string(line)) {
		if !strings.HasPrefix(l, "#") {
			first = l
			break
		}
	}
	if !strings.Contains(first, ",") {
		for _, separator := range "\t; " {
			if strings.ContainsRune(strings.TrimSpace(first), separator) {
				c.Comma = separator
				break
			}
		}
	}
	var data []float64
	rows, cols := 0, 0
	for {
		record, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return malformed(f.Path, "%v", err)
		}
		start := len(data)
		for j, field := range record {
			v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
			if err == nil {
				data = append(data, v)
				continue
			}
			if rows == 0 && header(record) {
				break
			}
			line, _ := c.FieldPos(j)
			switch {
			case strings.TrimSpace(field) == "":
				return malformed(f.Path, "line %d, field %d: there is no number", line, j+1)
			case rows == 0:
				return malformed(f.Path, "line %d, field %d: %q is not a number, and the line is no header, for others are", line, j+1, field)
			}
			return malformed(f.Path, "line %d, field %d: %q is not a number", line, j+1, field)
		}
		if len(data) > start {
			rows++
			cols = len(record)
		}
	}
	if rows == 0 {
		return malformed(f.Path, "holds no numbers")
	}
	f.Members = []Member{{"", []int{rows, cols}, Float64}}
	f.arrays = []source{text(data)}
	return nil
}

// byteOrderMark is what some programs write before text in UTF-8.
const byteOrderMark = "\ufeff"

// header reports whether no field of a line is a number, and some field is not
// empty.
func header(record []string) bool {
	text := false
	for _, field := range record {
		field = strings.TrimSpace(field)
		if _, err := strconv.ParseFloat(field, 64); err == nil {
			return false
		}
		text = text || field != ""
	}
	return text
}

// openMatrixMarket parses a Matrix Market file (Boisvert, Pozo, Remington:
// The Matrix Market exchange formats, NISTIR 5935). Sparse matrices become
// dense.
func (f *File) openMatrixMarket() error {
	r, err := reader(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	shape, data, err := parseMatrixMarket(bufio.NewScanner(r))
	if err != nil {
		return malformed(f.Path, "%v", err)
	}
	f.Members = []Member{{"", shape, Float64}}
	f.arrays = []source{text(data)}
	return nil
}

// maxDense bounds the matrices that a small sparse file may expand to; tests
// lower it.
var maxDense = 1 << 28

// entry is a number of a sparse matrix.
type entry struct {
	i, j int
	v    float64
}

func parseMatrixMarket(s *bufio.Scanner) (shape []int, data []float64, err error) {
	s.Buffer(nil, 1<<20)
	number := 0
	next := func() ([]string, error) { // the fields of the next line with any
		for s.Scan() {
			number++
			line := s.Text()
			if fields := strings.Fields(line); len(fields) > 0 && (line[0] != '%' || number == 1) {
				return fields, nil
			}
		}
		if s.Err() != nil {
			return nil, s.Err()
		}
		return nil, fmt.Errorf("is truncated after line %d", number)
	}
	head, err := next()
	if err != nil {
		return nil, nil, err
	}
	if len(head) != 5 || !strings.EqualFold(head[0], "%%MatrixMarket") || !strings.EqualFold(head[1], "matrix") {
		return nil, nil, fmt.Errorf("does not begin with %%%%MatrixMarket matrix")
	}
	layout, field, symmetry := strings.ToLower(head[2]), strings.ToLower(head[3]), strings.ToLower(head[4])
	sparse := layout == "coordinate"
	values := 1
	switch {
	case !sparse && layout != "array":
		return nil, nil, fmt.Errorf("has the layout %q", layout)
	case field == "pattern" && sparse:
		values = 0
	case field != "real" && field != "integer" && field != "double":
		return nil, nil, fmt.Errorf("has numbers of kind %q, which are not supported", field)
	}
	mirror := 0.0
	switch symmetry {
	case "general":
	case "symmetric":
		mirror = 1
	case "skew-symmetric":
		mirror = -1
	default:
		return nil, nil, fmt.Errorf("has the symmetry %q, which is not supported", symmetry)
	}
	size, err := next()
	if err != nil {
		return nil, nil, err
	}
	want := 2
	if sparse {
		want = 3
	}
	dims := make([]int, 0, 3)
	for _, field := range size {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 {
			return nil, nil, fmt.Errorf("line %d: %q is not a dimension", number, field)
		}
		dims = append(dims, n)
	}
	if len(dims) != want {
		return nil, nil, fmt.Errorf("line %d: %d dimensions instead of %d", number, len(dims), want)
	}
	m, n := dims[0], dims[1]
	total, ok := product([]int{m, n})
	if !ok || total > maxDense {
		return nil, nil, fmt.Errorf("%d×%d is too large for a dense matrix", m, n)
	}
	if mirror != 0 && m != n {
		return nil, nil, fmt.Errorf("a %s matrix cannot be %d×%d", symmetry, m, n)
	}
	parse := func(s string) (float64, error) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.NaN(), fmt.Errorf("line %d: %q is not a number", number, s)
		}
		return v, nil
	}
	if !sparse && total > 0 {
		// An array file has a line for each element: do not believe a
		// size before the lines are there.
		var column []float64
		entries := total
		if mirror > 0 {
			entries = n * (n + 1) / 2
		} else if mirror < 0 {
			entries = n * (n - 1) / 2
		}
		for len(column) < entries {
			fields, err := next()
			if err != nil {
				return nil, nil, err
			}
			for _, field := range fields {
				v, err := parse(field)
				if err != nil {
					return nil, nil, err
				}
				column = append(column, v)
			}
		}
		if len(column) > entries {
			return nil, nil, fmt.Errorf("line %d: more than the %d numbers of a %d×%d matrix", number, entries, m, n)
		}
		data = make([]float64, total)
		k := 0
		for j := range n {
			i := 0
			if mirror > 0 {
				i = j
			} else if mirror < 0 {
				i = j + 1
			}
			for ; i < m; i++ {
				data[i*n+j] = column[k]
				if mirror != 0 && i != j {
					data[j*n+i] = mirror * column[k]
				}
				k++
			}
		}
		return []int{m, n}, data, nil
	}
	if !sparse {
		return []int{m, n}, nil, nil
	}
	// Nor a number of entries.
	var entries []entry
	for range dims[2] {
		fields, err := next()
		if err != nil {
			return nil, nil, err
		}
		if len(fields) != 2+values {
			return nil, nil, fmt.Errorf("line %d: %d fields instead of %d", number, len(fields), 2+values)
		}
		i, err1 := strconv.Atoi(fields[0])
		j, err2 := strconv.Atoi(fields[1])
		if err1 != nil || err2 != nil || i < 1 || i > m || j < 1 || j > n {
			return nil, nil, fmt.Errorf("line %d: position (%s,%s) is outside a %d×%d matrix", number, fields[0], fields[1], m, n)
		}
		v := 1.0
		if values == 1 {
			if v, err = parse(fields[2]); err != nil {
				return nil, nil, err
			}
		}
		entries = append(entries, entry{i - 1, j - 1, v})
	}
	if fields, err := next(); err == nil {
		return nil, nil, fmt.Errorf("line %d: %q follows the last of %d entries", number, fields[0], dims[2])
	}
	data = make([]float64, total)
	for _, e := range entries {
		data[e.i*n+e.j] += e.v
		if mirror != 0 && e.i != e.j {
			data[e.j*n+e.i] += mirror * e.v
		}
	}
	return []int{m, n}, data, nil
}
