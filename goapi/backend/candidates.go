package backend

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
)

// Candidate is a device that this machine has or could have.
type Candidate struct {
	Name        string // what Open takes
	Description string
	Available   bool
	Chosen      bool   // what Open("auto") opens
	Reason      string // why it is available, chosen, or not
	Info        device.Info
}

// Devices lists every GPU of the machine, those with most free memory first,
// and both CPU devices, so that the one that auto takes stands before all
// others that it could take. It opens and closes each to ask for its Info.
func Devices() []Candidate {
	list := gpus()
	for _, b := range openers[1:] {
		c := Candidate{Name: b.name, Description: "not built"}
		d, err := b.open("", Options{})
		if err != nil {
			c.Reason = reason(b.name, err)
			list = append(list, c)
			continue
		}
		c.Info, c.Available, c.Reason = d.Info(), true, "available"
		c.Description = describe(c.Info)
		d.Close()
		list = append(list, c)
	}
	for i := range list {
		if list[i].Available {
			list[i].Chosen = true
			list[i].Reason = "the best available device"
			break
		}
	}
	return list
}

func describe(i device.Info) string {
	s := fmt.Sprintf("%s on %s, %d threads", i.Backend, i.Hardware, i.Threads)
	if i.Library != "" {
		s += ", " + i.Library
	}
	if i.Core != "" {
		s += " (" + i.Core + " kernels)"
	}
	return s + ", own kernels: " + i.Level
}

// GPUs returns the UUIDs of the GPUs that can be opened, those with most free
// memory first. CUDA_VISIBLE_DEVICES takes them. If there are none the error
// matches device.ErrUnavailable and says why.
func GPUs() ([]string, error) {
	var uuids, reasons []string
	for _, c := range gpus() {
		if c.Available {
			uuids = append(uuids, strings.TrimPrefix(c.Name, "cuda:"))
		} else {
			reasons = append(reasons, strings.TrimPrefix(c.Reason, "cuda: "))
		}
	}
	if len(uuids) == 0 {
		return nil, &device.UnavailableError{Device: "cuda", Reason: strings.Join(reasons, "; ")}
	}
	return uuids, nil
}

// gpus lists the GPUs, or one line that says why there is none.
func gpus() []Candidate {
	m, err := cusolver.Probe()
	if err != nil {
		return []Candidate{{Name: "cuda", Description: "NVIDIA GPU", Reason: reason("cuda", err)}}
	}
	slices.SortStableFunc(m.GPUs, better)
	var list []Candidate
	for _, g := range m.GPUs {
		c := Candidate{Name: "cuda:" + g.UUID, Description: g.String(), Reason: g.Reason}
		if g.Usable {
			d, err := openers[0].open(g.UUID, Options{})
			if err != nil {
				c.Reason = reason(c.Name, err)
			} else {
				c.Info, c.Available = d.Info(), true
				d.Close()
			}
		}
		list = append(list, c)
	}
	return list
}

// better orders GPUs as auto would take them: the usable ones by their free
// memory, then by CUDA's number, and the others after them.
func better(a, b cusolver.GPU) int {
	switch {
	case a.Usable && b.Usable:
		return cmp.Or(cmp.Compare(b.FreeMemory, a.FreeMemory), a.Ordinal-b.Ordinal)
	case a.Usable:
		return -1
	case b.Usable:
		return 1
	}
	return 0
}
