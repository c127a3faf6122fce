//go:build cgo && linux && !nocuda

package cusolver

import "testing"

// Every shape has teams that keep to what the kernel is written for, and fits the
// smallest shared memory of a GPU that is supported, 99 KiB; only the largest in
// float64 wants 128 bytes more.
func TestTeamsOfABatch(t *testing.T) {
	for m := 1; m <= mostInBatch; m++ {
		for n := 1; n <= mostInBatch; n++ {
			for _, size := range []int{4, 8} {
				p, fits := planTeams(m, n, size, true, 99<<10)
				k, size := min(m, n), p.lanes*p.workers
				tooLarge := m == 64 && n == 64 && p.bytes > 98<<10
				if fits == tooLarge || size < 8 || size > threads || threads%size != 0 || 2*p.workers < k || k > 8*p.lanes || p.lanes < 4 || p.lanes > 8 {
					t.Fatalf("%d×%d: %+v, fits: %v", m, n, p, fits)
				}
			}
		}
	}
	for n := 1; n <= mostInBatch; n++ {
		for _, size := range []int{4, 8} {
			p, fits := planEighTeams(n, size, true, 99<<10)
			size := p.lanes * p.workers
			if !fits || size < 8 || size > threads || threads%size != 0 || 2*p.workers < n {
				t.Fatalf("symmetric %d×%d: %+v, fits: %v", n, n, p, fits)
			}
		}
	}
	if _, fits := planTeams(64, 64, 8, true, 48<<10); fits {
		t.Error("three matrices of 64×64 fit into 48 KiB")
	}
}
