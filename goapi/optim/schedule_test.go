package optim

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func TestScheduleFactors(t *testing.T) {
	for name, c := range map[string]struct {
		s    Schedule
		want map[int]float64 // by step
	}{
		"constant": {Schedule{}, map[int]float64{-1: 1, 0: 1, 1000: 1}},
		"warm-up":  {Schedule{WarmUp: 4}, map[int]float64{0: .25, 1: .5, 3: 1, 4: 1, 99: 1}},
		"linear":   {Schedule{Decay: 10, Final: .1}, map[int]float64{0: 1, 5: .55, 10: .1, 11: .1}},
		"cosine":   {Schedule{Decay: 10, Shape: Cosine}, map[int]float64{0: 1, 5: .5, 10: 0, 3: (1 + math.Cos(.3*math.Pi)) / 2}},
		"warm-up, cosine": {Schedule{WarmUp: 2, Decay: 8, Shape: Cosine, Final: .5},
			map[int]float64{0: .5, 1: 1, 2: 1, 6: .75, 10: .5, 100: .5}},
		"warm-up, stable, decay": {Schedule{WarmUp: 2, Hold: 5, Decay: 4, Shape: RootDrop},
			map[int]float64{0: .5, 2: 1, 6: 1, 7: 1, 8: .5, 11: 0}},
		"stairs": {Schedule{WarmUp: 2, Every: 3, Drop: .1}, map[int]float64{0: .5, 2: 1, 4: 1, 5: .1, 7: .1, 8: .01}},
		// As in AuON's program: constant, then linear to a tenth over the last 45 %.
		"constant, linear": {Schedule{Hold: 55, Decay: 45, Final: .1}, map[int]float64{54: 1, 55: 1, 100: .1}},
	} {
		if err := c.s.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for step, want := range c.want {
			if got := c.s.Factor(step); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: step %d has the factor %v, want %v", name, step, got, want)
			}
		}
	}
}

// The schedule multiplies the rate of each step.
func TestScheduleIsUsed(t *testing.T) {
	s := Schedule{WarmUp: 2, Decay: 4}
	k := start(t, device.Go(), SGD{LearningRate: 0.5}, device.NewDense[float64](1, 1), func(g *Group[float64]) { g.Schedule = s })
	one := device.NewDense[float64](1, 1)
	one.Data[0] = 1
	want := 0.0
	for step := range 8 {
		if r := k.o.LearningRate(0); r != 0.5*s.Factor(step) {
			t.Errorf("step %d has the rate %v", step, r)
		}
		want -= 0.5 * s.Factor(step)
		if got := k.step(one).Data[0]; math.Abs(got-want) > 1e-15 {
			t.Errorf("after step %d: %v, want %v", step, got, want)
		}
	}
}
