package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// cost is what a command took and said.
type cost struct {
	ExitCode   int     `json:"exitCode"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"`
	// Resident is its memory in bytes, sample by sample.
	Resident []int64 `json:"resident"`
	Stdout   string  `json:"stdout"`
}

// measureCommand runs a command to its end and prints its cost as JSON.
func measureCommand(args []string) error {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	every := flags.Duration("every", time.Second, "how often memory is looked at")
	limit := flags.Duration("limit", 10*time.Minute, "after which the command is ended")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no command: bench run [flags] COMMAND [ARGS]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	measured, err := measure(ctx, *every, flags.Args())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured)
}

func measure(ctx context.Context, every time.Duration, command []string) (cost, error) {
	var stdout bytes.Buffer
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Stdout, child.Stderr = &stdout, os.Stderr
	started := time.Now()
	if err := child.Start(); err != nil {
		return cost{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	resident := sample(child.Process.Pid, every, ended)
	usage := child.ProcessState
	return cost{
		ExitCode:   usage.ExitCode(),
		Seconds:    time.Since(started).Seconds(),
		CPUSeconds: (usage.UserTime() + usage.SystemTime()).Seconds(),
		Resident:   resident,
		Stdout:     stdout.String(),
	}, nil
}

// sample looks at a process's resident memory until it has ended.
func sample(pid int, every time.Duration, ended <-chan error) []int64 {
	samples := []int64{}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return samples
		case <-ticker.C:
			if bytes, found := residentBytes(pid); found {
				samples = append(samples, bytes)
			}
		}
	}
}

func residentBytes(pid int) (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	var total, resident int64
	_, err = fmt.Sscan(string(text), &total, &resident)
	return resident * int64(os.Getpagesize()), err == nil && resident > 0
}
