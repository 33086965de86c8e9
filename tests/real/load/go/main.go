// Eight goroutines call for three seconds; after one, a server is killed. No call may fail.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var byA, byB, failed atomic.Int64

func call(router *llmrouter.Router) {
	answer, err := router.Completion(context.Background(), llmrouter.ChatRequest{
		Model:    "tiny",
		Messages: []llmrouter.Message{llmrouter.User("Hi")},
	})
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		failed.Add(1)
	case answer.Metadata().Deployment == "A":
		byA.Add(1)
	default:
		byB.Add(1)
	}
}

func main() {
	router, err := llmrouter.NewFromFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// A server's first answer takes its time, so the clock starts when both have given one.
	for i := 0; i < 100 && (byA.Load() == 0 || byB.Load() == 0); i++ {
		call(router)
	}
	end := time.Now().Add(3 * time.Second)
	var running sync.WaitGroup
	for range 8 {
		running.Add(1)
		go func() {
			defer running.Done()
			for time.Now().Before(end) {
				call(router)
			}
		}()
	}
	time.Sleep(time.Second)
	if pid, err := strconv.Atoi(os.Getenv("PID_A")); err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
		fmt.Fprintln(os.Stderr, "server A can't be killed")
		os.Exit(1)
	}
	running.Wait()
	router.Close()

	fmt.Printf("Go: A (openai) %d, B (anthropic) %d, failed %d\n", byA.Load(), byB.Load(), failed.Load())
	if byA.Load() == 0 || byB.Load() == 0 || failed.Load() > 0 {
		os.Exit(1)
	}
}
