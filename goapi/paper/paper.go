// Package paper holds what the reproductions of published results share: their
// options, tables of our figures beside the published ones, and the claims that
// were put to the test. The reproductions are the packages below it; each has a
// function Reproduce.
package paper

// Options of a reproduction.
type Options struct {
	// Full asks for the sizes of the paper where a machine without a GPU can
	// do them: minutes instead of seconds.
	Full bool

	// Data is the folder with the data sets, under the names of their
	// publishers. "" means that none was given: a reproduction that needs
	// real data then fails with a *DataError.
	Data string

	// Seed of all random numbers.
	Seed uint64

	// Progress, if set, is told after each part of the work how many of how
	// many are done, and what comes next.
	Progress func(done, total int, next string)
}

// Report calls o.Progress if it is set.
func (o Options) Report(done, total int, next string) {
	if o.Progress != nil {
		o.Progress(done, total, next)
	}
}

// Reproduction is what came out.
type Reproduction struct {
	Name   string  `json:"name"`   // as in "ritz paper NAME"
	Title  string  `json:"title"`  // of the paper
	Source string  `json:"source"` // authors, venue, year, identifier
	Setup  string  `json:"setup"`  // what was run, and how it differs from the paper
	Tables []Table `json:"tables"`
	Claims []Claim `json:"claims"`
	Charts []Chart `json:"charts,omitempty"`
}

// Table holds figures by row and column.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"` // the first names what Row.Name is
	Rows    []Row    `json:"rows"`
}

// Row is a line of a table; Cells has an element for each column but the first.
type Row struct {
	Name  string `json:"name"`
	Cells []Cell `json:"cells"`
}

// Cell is our figure and, where there is one, that of the paper. A cell with
// neither is empty.
type Cell struct {
	Value     *float64 `json:"value,omitempty"`
	StdErr    float64  `json:"std_error,omitempty"`
	Published *float64 `json:"published,omitempty"`
	Text      string   `json:"text,omitempty"` // in place of a figure
}

// Figure returns a cell with our figure.
func Figure(x float64) Cell { return Cell{Value: &x} }

// Mean returns a cell with our figure and its standard error.
func Mean(x, stdErr float64) Cell { return Cell{Value: &x, StdErr: stdErr} }

// Beside adds the paper's figure to a cell.
func (c Cell) Beside(published float64) Cell {
	c.Published = &published
	return c
}

// Claim is a statement of the paper and what our figures say of it.
type Claim struct {
	Statement string `json:"statement"`
	Where     string `json:"where"` // section, table, theorem or equation
	Holds     bool   `json:"holds"`
	Figures   string `json:"figures"` // the numbers that decide it
}

// Chart is a picture of some series over a common axis.
type Chart struct {
	Title  string   `json:"title"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
	LogX   bool     `json:"log_x,omitempty"`
	LogY   bool     `json:"log_y,omitempty"`
	Series []Series `json:"series"`
}

// Series is a line of a chart, or a cloud of points.
type Series struct {
	Name   string    `json:"name"`
	X      []float64 `json:"x"`
	Y      []float64 `json:"y"`
	Points bool      `json:"points,omitempty"`
}
