// One question, one answer, and who gave it. No key and no network: the deployment is a mock.
//
//	go run ./hello
package main

import (
	"context"
	"fmt"
	"log"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const config = `
model_list:
  - model_name: gpt-4
    litellm_params: {model: openai/gpt-4, mock_response: Hello from a deployment!}
    model_info: {id: my-first-deployment}
`

func main() {
	router, err := llmrouter.NewFromYAML(config)
	if err != nil {
		log.Fatal(err)
	}
	answer, err := router.Completion(context.Background(), llmrouter.ChatRequest{
		Model:    "gpt-4",
		Messages: []llmrouter.Message{llmrouter.User("Hi")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s\n", answer.Text(), answer.RawMetadata)
	router.Close()
}
