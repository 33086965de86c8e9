// An answer that is printed while it comes, and one that breaks off. No key and no network: the deployments are mocks.
//
//	go run ./stream
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const config = `
model_list:
  - model_name: gpt-4
    litellm_params: {model: openai/gpt-4, mock_response: "Hello, chunk by chunk!"}
    model_info: {id: my-first-deployment}
  - model_name: fragile
    litellm_params: {model: openai/gpt-4, mock_response: "Exception: mock_streaming_error, Hello, and th"}
`

// show prints the chunks as they come. A loop that ends without an error has seen the whole answer.
func show(router *llmrouter.Router, model string) {
	stream, err := router.Stream(context.Background(), llmrouter.ChatRequest{
		Model:    model,
		Messages: []llmrouter.Message{llmrouter.User("Hi")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	for chunk, err := range stream.Chunks() {
		var failed *llmrouter.Error
		if errors.As(err, &failed) {
			fmt.Printf(" … broke: %s, status %d\n", failed.Class, failed.Status)
			return
		}
		fmt.Print(chunk.Text())
	}
	metadata := stream.Metadata()
	fmt.Printf("\n    from %s, the first of it after %v\n", metadata.Deployment, metadata.TTFT)
}

func main() {
	router, err := llmrouter.NewFromYAML(config)
	if err != nil {
		log.Fatal(err)
	}
	show(router, "gpt-4")
	show(router, "fragile")
	router.Close()
}
