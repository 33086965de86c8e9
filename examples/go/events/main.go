// A custom callback: one line for each attempt and each call, when it has ended.
//
//	go run ./events ../config/events.yaml
package main

import (
	"context"
	"fmt"
	"os"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var levels = map[llmrouter.LogLevel]string{
	llmrouter.LogError: "ERROR", llmrouter.LogWarn: "WARN", llmrouter.LogInfo: "INFO",
}

// show runs on one thread of the library, for one event after the other.
func show(event llmrouter.RouterEvent) {
	what := "call of " + event.RequestedModel
	if !event.IsCall() {
		what = fmt.Sprintf("attempt %d at %s of %s", event.Attempt, event.Deployment, event.ModelGroup)
	}
	how := ""
	switch {
	case event.Error != nil:
		how = event.Error.Class
	case event.Cost != nil:
		how = fmt.Sprintf("answered, %d tokens, $%.4f", event.TotalTokens, *event.Cost)
	default:
		how = fmt.Sprintf("answered, %d tokens", event.TotalTokens)
	}
	fmt.Printf("%-5s %s: %s, %.1f ms\n", levels[event.Level], what, how, event.Phases.Total.Seconds()*1e3)
}

func main() {
	path := "examples/config/events.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err == nil {
		err = router.SetEventListener(show)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, model := range []string{"gpt-4", "gpt-4-turbo", "gpt-4o"} {
		// What fails is heard by the listener.
		_, _ = router.Completion(context.Background(), llmrouter.ChatRequest{
			Model:    model,
			Messages: []llmrouter.Message{llmrouter.User("Hi")},
		})
	}
	// Waits until the listener has heard the last event.
	router.Close()
}
