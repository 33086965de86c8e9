// A model calls a function: asked with tools, it answers with a call; the program makes the call and sends what came of
// it; another model puts that into words. The call is streamed, and put together from its pieces.
//
//	go run ./tools ../config/tools.yaml
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var parameters = json.RawMessage(
	`{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}`)

// getWeather is the tool: a real one would ask a weather service.
func getWeather(arguments string) string {
	var asked struct{ City string }
	// What a model writes may be no JSON, or another one than it was asked for.
	if err := json.Unmarshal([]byte(arguments), &asked); err != nil {
		return err.Error()
	}
	return "7 °C and rain in " + asked.City
}

func main() {
	path := "examples/config/tools.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()
	ctx := context.Background()
	request := llmrouter.ChatRequest{
		Model:    "planner",
		Messages: []llmrouter.Message{llmrouter.User("What should I wear in Zürich today?")},
		Tools:    []llmrouter.Tool{llmrouter.Function("get_weather", "The weather in a city, now", parameters)},
	}

	stream, err := router.Stream(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	calls, err := stream.Message()
	if err != nil {
		log.Fatal(err)
	}
	// The model's message goes back as it came, and behind it what came of each call.
	request.Messages = append(request.Messages, calls)
	for _, call := range calls.ToolCalls {
		fmt.Println("planner calls", call.Function.Name, call.Function.Arguments)
		result := "there is no such tool"
		if call.Function.Name == "get_weather" {
			result = getWeather(call.Function.Arguments)
		}
		fmt.Println(call.Function.Name, "finds", result)
		request.Messages = append(request.Messages, llmrouter.ToolResult(call.ID, result))
	}

	request.Model = "writer"
	answer, err := router.Completion(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("writer says", answer.Text())
}
