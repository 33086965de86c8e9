// What happens when deployments fail: who was tried, why it failed, who answered.
//
//	go run ./failover ../config/failover.yaml
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func ask(router *llmrouter.Router, title, model string) bool {
	fmt.Println(title)
	answer, err := router.Completion(context.Background(), llmrouter.ChatRequest{
		Model:    model,
		Messages: []llmrouter.Message{llmrouter.User("Hi")},
	})
	var failed *llmrouter.Error
	if errors.As(err, &failed) {
		fmt.Printf("    failed: %s: %s\n", failed.Class, failed.Message)
		return false
	}
	metadata := answer.Metadata()
	for _, attempt := range metadata.Attempts {
		outcome := attempt.Error
		if outcome == "" {
			outcome = "answered"
		}
		fmt.Printf("    %-12s of %-12s %s\n", attempt.Deployment, attempt.ModelGroup, outcome)
	}
	fmt.Printf("    router's own time: %.3f ms\n", metadata.Overhead.Seconds()*1e3)
	return true
}

func main() {
	path := "examples/config/failover.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	retried := ask(router, "gpt-4, whose first deployment is dead: retried on the next one", "gpt-4")
	fellBack := ask(router, "gpt-4-turbo, whose only deployment is overloaded: falls back to gpt-4", "gpt-4-turbo")
	router.Close()
	if !retried || !fellBack {
		os.Exit(1)
	}
}
