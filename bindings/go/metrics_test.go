package llmrouter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// What a call did is in the text that is asked for after it.
func TestMetrics(t *testing.T) {
	router := open(t, mock("0"))
	before, err := router.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(before); !strings.Contains(text, "llmrouter_build_info{") || strings.Contains(text, "llmrouter_calls_total{") {
		t.Errorf("%s", text)
	}
	if _, err := router.Completion(context.Background(), question); err != nil {
		t.Fatal(err)
	}
	after, err := router.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, line := range strings.Split(string(after), "\n") {
		if strings.HasPrefix(line, "llmrouter_calls_total{") && strings.Contains(line, `status="success"`) && strings.HasSuffix(line, " 1") {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("%s", after)
	}
	router.Close()
	if _, err := router.Metrics(); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Errorf("%v", err)
	}
}
