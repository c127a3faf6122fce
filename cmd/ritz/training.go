package main

import (
	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
)

// training are the flags that say how a network is trained.
type training struct {
	epochs, batch  int
	optimizer      string
	rate, momentum float64
}

func (t *training) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&t.epochs, "train", 0, "train this many epochs (0: not)")
	choices(cmd, &t.optimizer, "optimizer", "adam", "of --train; those behind sgd move matrices, and the biases by adam:", "adam", "sgd", "muon", "normuon", "dion", "auon")
	f.Float64Var(&t.rate, "learning-rate", 0, "of the optimizer (0: adam and sgd 0.001, muon and normuon 0.02, dion 0.01, auon 0.055)")
	f.Float64Var(&t.momentum, "momentum", 0, "of the optimizer, but not of adam (0: sgd none, others 0.95)")
	f.IntVar(&t.batch, "batch-size", 0, "samples of a step of the optimizer (0: 128)")
}

// check checks the flags.
func (t *training) check() error {
	switch {
	case t.epochs < 0:
		return usagef("--train is %d, must not be negative", t.epochs)
	case t.batch < 0:
		return usagef("--batch-size is %d, must not be negative", t.batch)
	case !(t.rate >= 0 && t.rate < 1e30):
		return usagef("--learning-rate is %v, must be a number from 0", t.rate)
	case !(t.momentum >= 0 && t.momentum < 1):
		return usagef("--momentum is %v, must be from 0 to below 1", t.momentum)
	case t.momentum != 0 && t.optimizer == "adam":
		return usagef("--momentum does not go with --optimizer adam")
	case t.epochs == 0 && (t.optimizer != "adam" || t.rate != 0 || t.momentum != 0 || t.batch != 0):
		return usagef("--optimizer, --learning-rate, --momentum and --batch-size need --train EPOCHS")
	}
	return nil
}

// options returns what the flags say.
func (t *training) options(seed uint64) nn.TrainOptions {
	o := nn.TrainOptions{Epochs: t.epochs, BatchSize: t.batch, Seed: seed}
	switch t.optimizer {
	case "sgd":
		o.Rule = optim.SGD{LearningRate: t.rate, Momentum: t.momentum}
	case "muon", "normuon":
		o.Rule = optim.Muon{LearningRate: t.rate, Momentum: t.momentum, Rows: t.optimizer == "normuon"}
	case "dion":
		o.Rule = optim.Dion{LearningRate: t.rate, Momentum: t.momentum, Seed: seed}
	case "auon":
		o.Rule = optim.AuON{LearningRate: t.rate, Momentum: t.momentum}
	default:
		o.Rule = optim.AdamW{LearningRate: t.rate}
	}
	return o
}
