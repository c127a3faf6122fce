package main

import (
	"fmt"
	"strings"
)

// goal is what a measurement should reach: so many times as fast as torch, or so
// much of one of its own metrics.
type goal struct {
	Name   string  `json:"name"` // how that of the timing begins, with its size: smaller problems prove nothing
	Torch  float64 `json:"torch,omitempty"`
	Metric string  `json:"metric,omitempty"`
	Least  float64 `json:"least,omitempty"`
	Most   float64 `json:"most,omitempty"`

	// What was measured; nil where it or its counterpart is missing.
	Got     *float64 `json:"got,omitempty"`
	Reached bool     `json:"reached"`
}

// goals are those of the plan in README.md. FlashSinkhorn's ten iterations took
// 0.103 s on an A100.
func goals() []goal {
	return []goal{
		{Name: "Targets/NewtonSchulz/bf16/n=8192", Torch: 1.5},
		{Name: "Targets/Randomized/f32/n=16384/", Torch: 5},
		{Name: "Targets/Randomized/f64/n=16384/", Torch: 5},
		{Name: "Targets/Randomized/f32/n=16384/", Metric: "error-1e-9", Most: 1e4},
		{Name: "Targets/Randomized/f64/n=16384/", Metric: "error-1e-9", Most: 1e4},
		{Name: "Targets/SVD/n=4096", Torch: 2},
		{Name: "Targets/Clouds/n=50000/", Torch: 5},
		{Name: "Targets/Clouds/n=50000/", Metric: "seconds", Most: 2 * 0.103},
		{Name: "Targets/Hessian/k=64", Metric: "of-gemm", Least: 0.6},
	}
}

// judge compares the timings with the goals, as far as the peers, which may be
// nil, have been measured.
func judge(timings []timing, others *peers) []goal {
	if others == nil {
		others = &peers{}
	}
	find := func(list []timing, prefix string) *timing {
		for i := range list {
			if strings.HasPrefix(list[i].Name, prefix) && list[i].Seconds > 0 {
				return &list[i]
			}
		}
		return nil
	}
	list := goals()
	for i := range list {
		g := &list[i]
		own := find(timings, g.Name)
		if own == nil {
			continue
		}
		got, known := own.Metrics[g.Metric]
		switch {
		case g.Metric == "seconds":
			got, known = own.Seconds, true
		case g.Torch > 0:
			if torch := find(others.Timings, "torch "+own.Name); torch != nil {
				got, known = torch.Seconds/own.Seconds, true
			}
		}
		if known {
			g.Got = &got
			g.Reached = got >= max(g.Torch, g.Least) && (g.Most == 0 || got <= g.Most)
		}
	}
	return list
}

func (g goal) String() string {
	what := g.Metric
	wanted := fmt.Sprintf("at least %g", g.Least)
	switch {
	case g.Torch > 0:
		what, wanted = "speed over torch", fmt.Sprintf("at least %g", g.Torch)
	case g.Most > 0:
		wanted = fmt.Sprintf("at most %g", g.Most)
	}
	if g.Got == nil {
		return fmt.Sprintf("%s %s: not measured (goal: %s)", g.Name, what, wanted)
	}
	verdict := "reached"
	if !g.Reached {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s %s: %.3g, %s (goal: %s)", g.Name, what, *g.Got, verdict, wanted)
}
