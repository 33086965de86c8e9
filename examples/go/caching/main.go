// The same question three times: asked, answered from the cache, and asked anew; who answered, and what it cost.
//
//	go run ./caching ../config/caching.yaml
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func ask(router *llmrouter.Router, title string, request llmrouter.ChatRequest) {
	answer, err := router.Completion(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	metadata, how := answer.Metadata(), "asked"
	if metadata.CacheHit {
		how = "kept from"
	}
	// Nil where the price is unknown.
	var cost float64
	if metadata.Cost != nil {
		cost = *metadata.Cost
	}
	fmt.Printf("%-16s %-10s %s  $%.4f\n", title, how, metadata.Deployment, cost)
}

func main() {
	path := "examples/config/caching.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		log.Fatal(err)
	}
	request := llmrouter.ChatRequest{Model: "gpt-4", Messages: []llmrouter.Message{llmrouter.User("Hi")}}
	ask(router, "the first time", request)
	ask(router, "the same again", request)
	request.Cache = &llmrouter.CacheControl{NoCache: true}
	ask(router, "with no-cache", request)

	snapshot, err := router.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d answer kept, %d hit\n", snapshot.Cache.Entries, snapshot.Cache.Hits)
	router.Close()
}
