package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
)

func newBench(c *common) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure every kernel at two sizes, and compare with NumPy, SciPy and POT",
		Long: `Measures every kernel at two sizes on this machine. With --peers, the same
problems are given to NumPy, SciPy and POT if a python3 that has them is found;
ours and theirs take turns, so that both see the same machine. Times are medians.
The share is that of the rate of a large matrix product, the ratio the peer's
time over ours.

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
	f.StringVar(&o.only, "only", "", "measure only kernels whose names contain this `TEXT` (default: all)")
	f.BoolVar(&c.json, "json", false, "print one JSON object")
	f.StringVarP(&c.output, "output", "o", "", "write the JSON object to this `FILE` (default: none)")
	return cmd
}

type benchOptions struct {
	runs  int
	peers bool
	only  string
}

// benchmark is the JSON object of the command.
type benchmark struct {
	Environment environment `json:"environment"`
	Peers       string      `json:"peers,omitempty"`
	Runs        int         `json:"runs"`
	Gemm        float64     `json:"gemm_flops"` // operations per second
	Rows        []benchRow  `json:"rows"`
}

// benchRow is one line of the table: a kernel, alone or beside a peer.
type benchRow struct {
	Kernel      string  `json:"kernel"`
	Seconds     float64 `json:"seconds"`
	Share       float64 `json:"share,omitempty"` // of the rate of a matrix product
	Peer        string  `json:"peer,omitempty"`
	PeerSeconds float64 `json:"peer_seconds,omitempty"`
	Ratio       float64 `json:"ratio,omitempty"` // PeerSeconds / Seconds
}

const benchHead = "kernel                        seconds  share  peer                 seconds   ratio"

func (r benchRow) String() string {
	share, peer := "", ""
	if r.Share > 0 {
		share = fmt.Sprintf("%.0f %%", 100*r.Share)
	}
	if r.Peer != "" {
		peer = fmt.Sprintf("  %-18s %9.4f %7.2f", r.Peer, r.PeerSeconds, r.Ratio)
	}
	return strings.TrimRight(fmt.Sprintf("%-27s %9.4f %6s%s", r.Kernel, r.Seconds, share, peer), " ")
}

// measurement is a kernel to measure.
type measurement struct {
	name  string
	flops float64           // of the algorithm, 0 where the rate says nothing
	run   func() error      // ours
	peer  map[string]string // name and statement of the peers, in peers.py's terms
}

func runBench(ctx context.Context, c *common, o benchOptions) error {
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
	if b.Gemm, err = gemmRate(dev, o.runs); err != nil {
		return err
	}
	fmt.Fprintf(table, "matrix product: %.0f GFLOP/s (float64, n=2048)\n\n%s\n", b.Gemm/1e9, benchHead)
	for _, m := range measurements(ctx, dev) {
		if !strings.Contains(m.name, o.only) {
			continue
		}
		for _, peer := range m.peers(p) {
			row, err := m.measure(ctx, p, peer, b.Gemm, o.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			b.Rows = append(b.Rows, row)
			if _, err := fmt.Fprintln(table, row); err != nil {
				return err
			}
		}
	}
	return c.finishBench(b)
}

// finishBench prints and writes the JSON form.
func (c *common) finishBench(b benchmark) error {
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	put := func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	}
	if c.output != "" {
		if err := matio.WriteFile(c.output, put); err != nil {
			return err
		}
	}
	if c.json {
		return put(c.stdout)
	}
	return nil
}

// peers returns the names of the peers to measure beside, "" for none.
func (m measurement) peers(p *peers) []string {
	if p == nil || len(m.peer) == 0 {
		return []string{""}
	}
	return sorted(m.peer)
}

// measure runs ours and the peer in turns, after a warm-up of both.
func (m measurement) measure(ctx context.Context, p *peers, peer string, rate float64, runs int) (benchRow, error) {
	row := benchRow{Kernel: m.name, Peer: peer}
	var ours, theirs []float64
	for i := range runs + 1 {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		start := time.Now()
		if err := m.run(); err != nil {
			return row, err
		}
		seconds := time.Since(start).Seconds()
		if i > 0 {
			ours = append(ours, seconds)
		}
		if peer == "" {
			continue
		}
		seconds, err := p.time(m.peer[peer])
		if err != nil {
			return row, err
		}
		if i > 0 {
			theirs = append(theirs, seconds)
		}
	}
	row.Seconds = median(ours)
	if m.flops > 0 {
		row.Share = m.flops / row.Seconds / rate
	}
	if peer != "" {
		row.PeerSeconds = median(theirs)
		row.Ratio = row.PeerSeconds / row.Seconds
	}
	return row, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// gemmRate returns the operations per second of a large matrix product.
func gemmRate(dev device.Device, runs int) (float64, error) {
	const n = 2048
	q := dev.F64()
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

func normal(seed uint64, m, n int) device.Dense[float64] {
	a := device.NewDense[float64](m, n)
	rng.Normal(seed, 0, 0, a.Data)
	return a
}

func measurements(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, n := range []int{512, 1024} {
		a := normal(1, n, n)
		cube := float64(n) * float64(n) * float64(n)
		list = append(list, measurement{
			name: fmt.Sprintf("svd %d×%d", n, n), flops: 22 * cube,
			run: func() error {
				_, err := svd.Compute(ctx, dev, a, svd.Options{})
				return err
			},
			peer: map[string]string{"numpy.linalg.svd": fmt.Sprintf("svd %d %d", n, n)},
		})
	}
	for _, n := range []int{200, 500} {
		a := normal(2, 10000, n)
		list = append(list, measurement{
			name: fmt.Sprintf("svd 10000×%d", n), flops: 6 * 10000 * float64(n) * float64(n),
			run: func() error {
				_, err := svd.Compute(ctx, dev, a, svd.Options{})
				return err
			},
			peer: map[string]string{"numpy.linalg.svd": fmt.Sprintf("svd 10000 %d", n)},
		})
	}
	for _, n := range []int{1000, 2000} {
		a := decaying(3, 4*n, n)
		list = append(list, measurement{
			name: fmt.Sprintf("svd %d×%d rank 50", 4*n, n),
			run: func() error {
				_, err := svd.Compute(ctx, dev, a, svd.Options{Rank: 50, Method: svd.Randomized})
				return err
			},
			peer: map[string]string{"scipy svds": fmt.Sprintf("svds %d %d 50", 4*n, n)},
		})
	}
	for _, n := range []int{512, 1024} {
		a := normal(4, n, 2*n)
		cube := float64(n) * float64(n) * float64(n)
		list = append(list,
			measurement{
				name: fmt.Sprintf("polar muon %d×%d", n, 2*n), flops: 5 * (3*2 + 1) * cube,
				run: func() error {
					_, err := polar.Compute(ctx, dev, a, polar.Options{Method: polar.Muon})
					return err
				},
				peer: map[string]string{"numpy, 5 steps": fmt.Sprintf("muon %d %d", n, 2*n)},
			},
			measurement{
				name: fmt.Sprintf("polar auto %d×%d", n, 2*n),
				run: func() error {
					_, err := polar.Compute(ctx, dev, a, polar.Options{})
					return err
				},
				peer: map[string]string{"scipy.linalg.polar": fmt.Sprintf("polar %d %d", n, 2*n)},
			})
	}
	for _, n := range []int{1000, 3000} {
		h := symmetric(5, n)
		list = append(list, measurement{
			name: fmt.Sprintf("spectrum top 10, n=%d", n),
			run: func() error {
				q := dev.F64()
				defer q.Close()
				op, err := spectrum.Symmetric(q, h)
				if err != nil {
					return err
				}
				_, err = spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 10, Tol: 1e-8})
				return err
			},
			peer: map[string]string{"scipy eigsh": fmt.Sprintf("eigsh %d 10", n)},
		})
	}
	for _, n := range []int{1000, 2000} {
		for _, ε := range []float64{0.05, 0.01, 0.002} {
			cost := unitSquare(n)
			list = append(list, measurement{
				name: fmt.Sprintf("sinkhorn n=%d ε=%g", n, ε),
				run: func() error {
					_, err := sinkhorn.Solve(ctx, dev, sinkhorn.Problem[float64]{Cost: cost},
						sinkhorn.Options{Epsilon: ε, Tol: 1e-8})
					return err
				},
				peer: map[string]string{"ot.sinkhorn": fmt.Sprintf("sinkhorn %d %g 1e-8", n, ε)},
			})
		}
	}
	return append(list, measurement{
		name: "sinkhorn log n=1000 ε=0.01",
		run: func() error {
			_, err := sinkhorn.Solve(ctx, dev, sinkhorn.Problem[float64]{Cost: unitSquare(1000)},
				sinkhorn.Options{Epsilon: 0.01, Tol: 1e-8, Method: sinkhorn.Log})
			return err
		},
		peer: map[string]string{"ot.sinkhorn_log": "sinkhorn_log 1000 0.01 1e-8"},
	})
}

// decaying is a matrix whose columns shrink, so that its leading singular
// values stand out.
func decaying(seed uint64, m, n int) device.Dense[float64] {
	a := normal(seed, m, n)
	for i := range m {
		row := a.Row(i)
		for j := range row {
			row[j] /= float64(j + 1)
		}
	}
	return a
}

func symmetric(seed uint64, n int) device.Dense[float64] {
	a := normal(seed, n, n)
	for i := range n {
		for j := range i {
			a.Set(i, j, a.At(j, i))
		}
		a.Set(i, i, a.At(i, i)+float64(n)/float64(i+1)) // some eigenvalues stand out
	}
	return a
}

// unitSquare returns the squared distances, divided by the largest, between
// two sets of n random points of the unit square.
func unitSquare(n int) device.Dense[float64] {
	x := make([]float64, 4*n)
	rng.Uniform(6, uint64(n), 0, x)
	cost := device.NewDense[float64](n, n)
	largest := 0.0
	for i := range n {
		for j := range n {
			dx, dy := x[2*i]-x[2*(n+j)], x[2*i+1]-x[2*(n+j)+1]
			cost.Set(i, j, dx*dx+dy*dy)
			largest = max(largest, dx*dx+dy*dy)
		}
	}
	for i := range cost.Data {
		cost.Data[i] /= largest
	}
	return cost
}
