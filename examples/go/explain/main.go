// What would happen to a request, without sending it: who would be asked, in which order, and who would not and why.
//
//	go run ./explain ../config/explain.yaml
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var request = llmrouter.ChatRequest{Model: "best", Messages: []llmrouter.Message{llmrouter.User("Hi")}}

// because is a reason behind a separator, if there is one.
func because(separator, reason string) string {
	if reason == "" {
		return ""
	}
	return separator + reason
}

// explain prints a line for each group, in the order in which they would be visited, and for each of its deployments.
func explain(router *llmrouter.Router, title string) {
	plan, err := router.Explain(request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s best is %s, by its %s\n", title, plan.Resolved.Group, plan.Resolved.How)
	for _, group := range plan.Groups {
		fmt.Printf("    %s%s\n", group.Name, because(": ", group.Skipped))
		for _, deployment := range group.Deployments {
			reason := because("  ", deployment.Skipped)
			fmt.Printf("        %-8s %3.0f %%%s\n", deployment.ID, 100*deployment.Share, reason)
		}
	}
}

func main() {
	path := "examples/config/explain.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		log.Fatal(err)
	}
	explain(router, "before the first call:")
	// It asks the old key, is refused, and goes on.
	if _, err := router.Completion(context.Background(), request); err != nil {
		log.Fatal(err)
	}
	explain(router, "after it:")
	router.Close()
}
