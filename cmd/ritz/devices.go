package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/backend"
)

// takes notes how much memory of a device the work needs, before open chooses
// one: that of so many copies of the inputs.
func (c *common) takes(copies float64, inputs ...*input) {
	size := 8.0
	if c.precision(inputs...) == "f32" {
		size = 4
	}
	elements := 0.0
	for _, in := range inputs {
		n := 1.0
		for i, d := range in.file.Members[in.member].Shape {
			if i == 0 && in.hi >= 0 {
				d = max(0, min(in.hi, d)-in.lo)
			}
			n *= float64(d)
		}
		elements += n
	}
	c.memory = uint64(min(copies*size*elements, 1<<62))
}

func newDevices(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of this machine and say which one auto takes",
		RunE: func(*cobra.Command, []string) error {
			list := backend.Devices()
			if c.json {
				type entry struct {
					Name        string   `json:"name"`
					Available   bool     `json:"available"`
					Chosen      bool     `json:"chosen"`
					Description string   `json:"description"`
					Reason      string   `json:"reason"`
					Notes       []string `json:"notes,omitempty"`
				}
				entries := []entry{}
				for _, d := range list {
					entries = append(entries, entry{d.Name, d.Available, d.Chosen, d.Description, d.Reason, d.Info.Notes})
				}
				e := json.NewEncoder(c.stdout)
				e.SetIndent("", "  ")
				return e.Encode(entries)
			}
			w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
			for _, d := range list {
				mark := " "
				if d.Chosen {
					mark = "*"
				}
				fmt.Fprintf(w, "%s %s\t%s\t%s\n", mark, d.Name, d.Description, d.Reason)
				for _, note := range d.Info.Notes {
					fmt.Fprintf(w, "  \tnote: %s\t\n", note)
				}
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print a JSON array")
	return cmd
}
