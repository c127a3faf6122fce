package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/device"
)

func newBench(c *common) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure every kernel at two sizes, and compare with NumPy, SciPy and POT",
		Long: `Measures every kernel at two sizes on this machine. With --peers, the same
problems are given to NumPy, SciPy, POT, scikit-learn and PyTorch if a python3 that
has them is found, and decompositions to gonum; ours and theirs take turns, so
that both see the same machine. Times are medians. The share is that of the rate
of a large matrix product, the ratio the peer's time over ours. PyTorch
multiplies with Hessians by double backward and does on that what PyHessian
does, in float32.

Each line appears when it is measured. --json prints one JSON object at the end
instead (the lines go to standard error), -o FILE writes it beside the table.`,
		Example: `  ritz bench --only sinkhorn --runs 11
  ritz bench --peers -o bench.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.runs < 1:
				return usagef("--runs is %d, must be at least 1", o.runs)
			case c.threads < 0:
				return usagef("--threads is %d, must not be negative", c.threads)
			}
			return runBench(cmd.Context(), c, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.backend, "backend", "auto", "device: auto, go, cpu, cuda, cuda:N or cuda:UUID")
	f.IntVar(&c.threads, "threads", 0, "threads (0: all that the process may use)")
	f.IntVar(&o.runs, "runs", 5, "runs of each measurement")
	f.BoolVar(&o.peers, "peers", false, "compare with NumPy, SciPy and POT")
	f.BoolVar(&o.growth, "growth", false, "fit exponents of the times in the sizes of problems")
	f.BoolVar(&o.spectra, "spectra", false, "measure full decompositions of square matrices with many spectra instead")
	f.StringVar(&o.only, "only", "", "measure only kernels whose names contain this `TEXT` (default: all)")
	f.BoolVar(&c.json, "json", false, "print one JSON object")
	f.StringVarP(&c.output, "output", "o", "", "write the JSON object to this `FILE` (default: none)")
	return cmd
}

type benchOptions struct {
	runs  int
	peers bool
	only  string

	growth, spectra bool
}

// benchmark is the JSON object of the command.
type benchmark struct {
	Environment environment `json:"environment"`
	Peers       string      `json:"peers,omitempty"`
	Runs        int         `json:"runs"`
	Gemm        float64     `json:"gemm_flops"`     // operations per second, float64
	Gemm32      float64     `json:"gemm_flops_f32"` // the same of float32
	Rows        []benchRow  `json:"rows"`
	Growth      []growthRow `json:"growth,omitempty"`
}

// benchRow is one line of the table: a kernel, alone or beside a peer.
type benchRow struct {
	Kernel      string  `json:"kernel"`
	Seconds     float64 `json:"seconds"`
	Share       float64 `json:"share,omitempty"` // of the rate of a matrix product
	Peer        string  `json:"peer,omitempty"`
	PeerSeconds float64 `json:"peer_seconds,omitempty"`
	Ratio       float64 `json:"ratio,omitempty"` // PeerSeconds / Seconds
	Note        string  `json:"note,omitempty"`
}

const benchHead = "kernel                                 seconds  share  peer                 seconds   ratio"

func (r benchRow) String() string {
	share, peer := "", ""
	if r.Share > 0 {
		share = fmt.Sprintf("%.0f %%", 100*r.Share)
	}
	if r.Peer != "" {
		peer = fmt.Sprintf("  %-18s %9.4f %7.2f", r.Peer, r.PeerSeconds, r.Ratio)
	}
	note := ""
	if r.Note != "" {
		note = "\n  " + r.Note
	}
	return strings.TrimRight(fmt.Sprintf("%-36s %9.4f %6s%s", r.Kernel, r.Seconds, share, peer), " ") + note
}

// measurement is a kernel to measure.
type measurement struct {
	name   string
	flops  float64           // of the algorithm, 0 where the rate says nothing
	single bool              // they are of float32
	run    func() error      // ours
	peer   map[string]string // name and statement of the peers, in peers.py's terms
	note   func() string     // what is to be said of the results, asked for after the runs; nil for nothing

	library map[string]func() error // peers in this process: Go libraries, or another way of ours
}

func runBench(ctx context.Context, c *common, o benchOptions) error {
	c.toFile = true
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	table := c.stdout
	if c.json {
		table = os.Stderr
	}
	b := benchmark{Environment: environmentOf(dev), Runs: o.runs, Rows: []benchRow{}}
	e := b.Environment
	fmt.Fprintf(table, "%s, kernels %s, %s %s, %d threads, %s, ritz %s\n", e.CPU, e.Level, e.BLAS, e.BLASCore, e.Threads, e.Go, e.Ritz)
	for _, n := range e.Notes {
		fmt.Fprintln(table, "note:", n)
	}
	var p *peers
	if o.peers {
		if p, err = startPeers(ctx); err != nil {
			return err
		}
		defer p.close()
		b.Peers = p.versions
		fmt.Fprintln(table, "peers:", p.versions)
	}
	if b.Gemm, err = gemmRate[float64](dev, o.runs); err != nil {
		return err
	}
	if b.Gemm32, err = gemmRate[float32](dev, o.runs); err != nil {
		return err
	}
	fmt.Fprintf(table, "matrix product: %.0f GFLOP/s in float64, %.0f in float32 (n=2048)\n\n%s\n", b.Gemm/1e9, b.Gemm32/1e9, benchHead)
	folder, err := os.MkdirTemp("", "ritz-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	list := measurements(ctx, dev, folder)
	if o.spectra {
		list = decayProblems(ctx, dev)
	}
	for i, m := range list {
		list[i] = measurement{} // which keeps its problem in memory
		if !strings.Contains(m.name, o.only) {
			continue
		}
		for _, peer := range m.peers(p) {
			rate := b.Gemm
			if m.single {
				rate = b.Gemm32
			}
			row, err := m.measure(ctx, p, peer, rate, o.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			b.Rows = append(b.Rows, row)
			if _, err := fmt.Fprintln(table, row); err != nil {
				return err
			}
		}
	}
	if o.growth {
		fmt.Fprintf(table, "\n%s\n", growthHead)
		for _, g := range growths(ctx, dev) {
			if !strings.Contains(g.name, o.only) {
				continue
			}
			row, err := g.measure(ctx, o.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
			b.Growth = append(b.Growth, row)
			if _, err := fmt.Fprintln(table, row); err != nil {
				return err
			}
		}
	}
	_, err = c.publish(b)
	return err
}

// peers returns the names of the peers to measure beside, "" for none.
func (m measurement) peers(p *peers) []string {
	if p == nil || len(m.peer)+len(m.library) == 0 {
		return []string{""}
	}
	names := append(sorted(m.peer), sorted(m.library)...)
	for library, prefix := range map[string]string{"scikit-learn": "sklearn", "torch": "torch"} {
		if !strings.Contains(p.versions, library) {
			names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix) })
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// settle is how long both sides rest before a run. The idle threads of the
// other side's BLAS spin before they leave the cores: after 50 ms a run still
// takes longer than it does alone, after 150 ms it does not.
const settle = 150 * time.Millisecond

// measure runs ours and the peer in turns, after a warm-up of both.
func (m measurement) measure(ctx context.Context, p *peers, peer string, rate float64, runs int) (benchRow, error) {
	row := benchRow{Kernel: m.name, Peer: peer}
	var ours, theirs []float64
	// Garbage of the problems before would let ours have memory from the
	// system run by run that it has never used, instead of its own again.
	runtime.GC()
	for i := range runs + 1 {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		time.Sleep(settle)
		seconds, err := timed(m.run)
		if err != nil {
			return row, err
		}
		if i > 0 {
			ours = append(ours, seconds)
		}
		if peer == "" {
			continue
		}
		time.Sleep(settle)
		if seconds, err = m.timePeer(p, peer); err != nil {
			return row, err
		}
		if i > 0 {
			theirs = append(theirs, seconds)
		}
	}
	row.Seconds = median(ours)
	if m.note != nil {
		row.Note = m.note()
	}
	if m.flops > 0 {
		row.Share = m.flops / row.Seconds / rate
	}
	if peer != "" {
		row.PeerSeconds = median(theirs)
		row.Ratio = row.PeerSeconds / row.Seconds
	}
	return row, nil
}

// timePeer returns how many seconds the peer takes.
func (m measurement) timePeer(p *peers, peer string) (float64, error) {
	run, here := m.library[peer]
	if !here {
		return p.time(m.peer[peer])
	}
	return timed(run)
}

// timed returns how many seconds run takes.
func timed(run func() error) (float64, error) {
	start := time.Now()
	err := run()
	return time.Since(start).Seconds(), err
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// gemmRate returns the operations per second of a large matrix product.
func gemmRate[T device.Float](dev device.Device, runs int) (float64, error) {
	const n = 2048
	q := device.NewQueue[T](dev)
	defer q.Close()
	a, b := q.Alloc(n, n), q.Alloc(n, n)
	q.Random(device.Normal, 1, 0, a)
	var seconds []float64
	for range runs + 1 {
		start := time.Now()
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, a, 0, b)
		if err := q.Sync(); err != nil {
			return 0, err
		}
		seconds = append(seconds, time.Since(start).Seconds())
	}
	return 2 * n * n * n / median(seconds), nil
}
