// Command go measures the router from Go beside net/http, which of the two its argument says. It speaks the runner's
// protocol: the task in BENCH_... variables, the outcome as one JSON line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// task is what the runner asks for.
type task struct {
	url, config             string
	request                 []byte
	inFlight, calls, warmup int
}

// outcome is what the runner reads.
type outcome struct {
	Calls  int     `json:"calls"`
	Failed int     `json:"failed"`
	Error  string  `json:"error,omitempty"` // Why the first failed call failed.
	WallUS float64 `json:"wall_us"`
	CPUUS  float64 `json:"cpu_us"`
	P50US  float64 `json:"p50_us"`
	P99US  float64 `json:"p99_us"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "the Go host:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one argument is needed: llmrouter or net/http")
	}
	job, err := fromEnvironment()
	if err != nil {
		return err
	}
	var call func() error
	switch args[0] {
	case "llmrouter":
		router, err := routed(job)
		if err != nil {
			return err
		}
		defer router.Close()
		call = routerCall(router, job)
	case "net/http":
		call = bareCall(job)
	default:
		return fmt.Errorf("no contender %q", args[0])
	}
	return json.NewEncoder(os.Stdout).Encode(measure(job, call))
}

func fromEnvironment() (job task, err error) {
	for _, number := range []struct {
		name string
		to   *int
	}{{"BENCH_IN_FLIGHT", &job.inFlight}, {"BENCH_CALLS", &job.calls}, {"BENCH_WARMUP", &job.warmup}} {
		if *number.to, err = strconv.Atoi(os.Getenv(number.name)); err != nil || *number.to < 1 {
			return job, fmt.Errorf("%s is no number above 0: the runner starts this", number.name)
		}
	}
	job.url, job.config = os.Getenv("BENCH_URL"), os.Getenv("BENCH_CONFIG")
	job.request, err = os.ReadFile(os.Getenv("BENCH_REQUEST"))
	return job, err
}
