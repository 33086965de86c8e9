// Thousands of streams through the Go package: "streams <url> <path> <streams> <chunks of each>" has them open at once,
// "aborts <url> <streams>" leaves them at random points.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var question = llmrouter.ChatRequest{Model: "scale", Messages: []llmrouter.Message{llmrouter.User("hi")}}

func open(url, path string) (*llmrouter.Router, error) {
	return llmrouter.NewFromYAML(fmt.Sprintf(`
model_list:
  - model_name: scale
    litellm_params: {model: openai/scale, api_base: '%s%s', api_key: sk-scale}
router_settings: {num_retries: 0, disable_cooldowns: true}
`, url, path))
}

func run(arguments []string) error {
	// Each stream is a connection, and each connection a descriptor.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	var numbers []int
	for _, text := range arguments {
		if number, err := strconv.Atoi(text); err == nil {
			numbers = append(numbers, number)
		}
	}
	switch {
	case len(arguments) == 5 && len(numbers) == 2 && arguments[0] == "streams":
		return streams(arguments[1], arguments[2], numbers[0], numbers[1])
	case len(arguments) == 3 && len(numbers) == 1 && arguments[0] == "aborts":
		return aborts(arguments[1], numbers[0])
	}
	return errors.New("usage: streams <url> <path> <streams> <chunks of each>, or aborts <url> <streams>")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
