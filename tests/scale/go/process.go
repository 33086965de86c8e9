package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// patience is for what must come, on a busy machine too.
const patience = 2 * time.Minute

// status is a field of /proc/self/status.
func status(name string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+)`).FindSubmatch(text)
	value, err := strconv.Atoi(string(found[1]))
	if err != nil {
		panic(err)
	}
	return value
}

// mostThreads is what Go, one router and a handful need, however many streams there are. Go starts one where another is
// held up by a busy machine.
func mostThreads() int {
	const workers, spare = 2, 12
	return runtime.GOMAXPROCS(0) + workers + spare
}

// memory is the process's resident memory, and the part of it that Go's heap and stacks have at the most, in KiB.
func memory() (all, ofGo int) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return status("VmRSS"), int((stats.Sys - stats.HeapReleased) / 1024)
}

// settled is the resident memory without what Go has yet to give back.
func settled() int {
	debug.FreeOSMemory()
	return status("VmRSS")
}

func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries) - 1 // The folder itself.
}

func inFlight(router *llmrouter.Router) int {
	snapshot, err := router.Snapshot()
	if err != nil {
		panic(err)
	}
	return snapshot.Groups[0].Deployments[0].InFlight
}

// stats are the fake provider's counters. Asking leaves no trace in them, nor a descriptor here.
func stats(url string) (counters struct {
	OpenConnections int `json:"open_connections"`
	InFlight        int `json:"in_flight"`
}) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url + "/_control/stats")
	if err == nil {
		defer answer.Body.Close()
		err = json.NewDecoder(answer.Body).Decode(&counters)
	}
	if err != nil {
		panic(err)
	}
	return counters
}

// until waits for what must become true.
func until(what string, is func() bool) error {
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("waited in vain until %s", what)
		}
	}
	return nil
}
