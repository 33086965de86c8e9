package main

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// settling lets the collector finish what the calls have begun: it would pass for the cost of idling.
const settling = 200 * time.Millisecond

// idle is for how long the process listens to itself doing nothing, to learn what that costs.
const idle = 200 * time.Millisecond

// measure warms up (connections, pools, the heap's size), then measures one window of calls.
func measure(job task, call func() error) outcome {
	drive(job.inFlight, job.warmup, call)
	cpu, start := cpuTime(), time.Now()
	latencies, failed, first := drive(job.inFlight, job.calls, call)
	wall := time.Since(start)
	cpu = cpuTime() - cpu

	time.Sleep(settling)
	before := cpuTime()
	time.Sleep(idle)
	idling := float64(cpuTime()-before) * wall.Seconds() / idle.Seconds()

	slices.Sort(latencies)
	how := outcome{
		Calls:  len(latencies),
		Failed: failed,
		WallUS: micros(wall),
		CPUUS:  max(micros(cpu)-idling/1e3, 0),
		P50US:  micros(percentile(latencies, 0.50)),
		P99US:  micros(percentile(latencies, 0.99)),
	}
	if first != nil {
		how.Error = first.Error()
	}
	return how
}

// drive makes the calls on so many goroutines, each making one after the other.
func drive(inFlight, calls int, call func() error) (latencies []time.Duration, failed int, first error) {
	// One element for each call: no measured call pays for growth, and the heap is no larger than a program's would be.
	latencies = make([]time.Duration, calls)
	var given atomic.Int64
	var all sync.WaitGroup
	var guard sync.Mutex
	for range inFlight {
		all.Add(1)
		go func() {
			defer all.Done()
			for ticket := given.Add(1) - 1; ticket < int64(calls); ticket = given.Add(1) - 1 {
				start := time.Now()
				err := call()
				latencies[ticket] = time.Since(start)
				if err != nil {
					guard.Lock()
					if failed++; first == nil {
						first = err
					}
					guard.Unlock()
				}
			}
		}()
	}
	all.Wait()
	return latencies, failed, first
}

// cpuTime is the processor time of this process so far, all threads.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[int(math.Round(float64(len(sorted)-1)*share))]
}
