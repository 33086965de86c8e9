// A thousand calls at once, a goroutine each: how they spread over weighted deployments, and what it took.
//
//	go run ./many ../config/many.yaml
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const calls = 1000

// sum is what all calls add up, under one lock.
var sum struct {
	sync.Mutex
	answers  map[string]int
	failed   int
	overhead time.Duration
}

func call(router *llmrouter.Router) {
	answer, err := router.Completion(context.Background(), llmrouter.ChatRequest{
		Model:    "gpt-4",
		Messages: []llmrouter.Message{llmrouter.User("Hi")},
	})
	sum.Lock()
	defer sum.Unlock()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		sum.failed++
		return
	}
	sum.answers[answer.Text()]++
	sum.overhead += answer.Metadata().Overhead
}

// threads are all of this process, where the system tells.
func threads() int {
	tasks, _ := os.ReadDir("/proc/self/task")
	return len(tasks)
}

func main() {
	path := "examples/config/many.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	sum.answers = make(map[string]int)
	start := time.Now()
	var running sync.WaitGroup
	for range calls {
		running.Add(1)
		go func() {
			defer running.Done()
			call(router)
		}()
	}
	running.Wait()
	took := time.Since(start)
	most := threads() // Go gives none back, so these are the most there were.
	router.Close()

	fmt.Printf("%d calls at once, each of which takes the deployment 20 ms\n", calls)
	for _, name := range []string{"east", "west", "spare"} {
		count := sum.answers[name]
		fmt.Printf("    %-6s %4d  %s\n", name, count, strings.Repeat("#", count/16))
	}
	fmt.Printf("    %d failed; all ended within %d ms, on %d threads\n", sum.failed, took.Milliseconds(), most)
	fmt.Printf("    router's own time: %.3f ms a call\n", sum.overhead.Seconds()*1e3/calls)
	if sum.failed > 0 {
		os.Exit(1)
	}
}
