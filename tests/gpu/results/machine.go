package main

import (
	"encoding/csv"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is where the tests ran.
type machine struct {
	System    string     `json:"system"` // kernel and distribution
	Processor string     `json:"processor"`
	Cores     int        `json:"cores"`
	Memory    string     `json:"memory"`
	GPUs      [][]string `json:"gpus"` // name, driver, memory, clocks as nvidia-smi tells them
	NoGPUs    string     `json:"no_gpus,omitempty"`
}

func thisMachine() machine {
	m := machine{
		System:    strings.TrimSpace(text("/proc/sys/kernel/osrelease")) + ", " + value(text("/etc/os-release"), "PRETTY_NAME", "="),
		Processor: value(text("/proc/cpuinfo"), "model name", ":"),
		Cores:     runtime.NumCPU(),
		Memory:    value(text("/proc/meminfo"), "MemTotal", ":"),
		GPUs:      [][]string{},
	}
	out, err := exec.Command("nvidia-smi", "--format=csv,noheader",
		"--query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit,compute_mode,ecc.mode.current").Output()
	if err != nil {
		m.NoGPUs = "nvidia-smi: " + err.Error()
		return m
	}
	rows := csv.NewReader(strings.NewReader(string(out)))
	rows.TrimLeadingSpace = true
	if all, err := rows.ReadAll(); err == nil {
		m.GPUs = all
	}
	return m
}

// text returns a file, "" if it cannot be read.
func text(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// value returns what follows the first "key separator" in lines of text.
func value(text, key, separator string) string {
	for line := range strings.Lines(text) {
		k, v, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}
