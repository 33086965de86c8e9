package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func TestFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grüße.yaml")
	if err := os.WriteFile(path, []byte(mock("0")), 0o600); err != nil {
		t.Fatal(err)
	}
	router, err := llmrouter.NewFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	if answer, err := router.Completion(context.Background(), question); err != nil || answer.Text() != "mocked" {
		t.Error(answer, err)
	}
}

func TestWhatMakesNoRouter(t *testing.T) {
	for config, class := range map[string]error{
		"":                llmrouter.ErrConfig,
		"model_list: [":   llmrouter.ErrConfig,
		"model_list: 7":   llmrouter.ErrConfig,
		"a: b\xff\n":      llmrouter.ErrInvalidArgument,
		"model_list: []":  nil,
		"{\"x\": \x00 1}": llmrouter.ErrConfig,
	} {
		router, err := llmrouter.NewFromYAML(config)
		if err == nil {
			router.Close()
		}
		if class != nil && !errors.Is(err, class) || (router == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", config, router, err)
		}
	}
	if _, err := llmrouter.NewFromFile("/nowhere/at/all.yaml"); !errors.Is(err, llmrouter.ErrConfig) {
		t.Error(err)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	router := open(t, mock("0"))
	for _, raw := range []json.RawMessage{nil, {}, []byte("null"), []byte("[]"), []byte("\xff"), []byte(`{"model"`)} {
		if _, err := router.CompletionRaw(context.Background(), raw); !errors.Is(err, llmrouter.ErrInvalidArgument) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	bad := question
	bad.Extra = map[string]any{"f": func() {}}
	_, err := router.Completion(context.Background(), bad)
	var unsupported *json.UnsupportedTypeError
	if !errors.Is(err, llmrouter.ErrInvalidArgument) || !errors.As(err, &unsupported) {
		t.Error(err)
	}
}

func TestSnapshot(t *testing.T) {
	router := open(t, "model_list:\n"+
		"  - {model_name: g, litellm_params: {model: openai/m, mock_error: {status: 401}}, model_info: {id: a}}\n"+
		"router_settings: {num_retries: 0, cooldown_time: 60, routing_strategy: lar1}\n")
	before, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if before.Version != llmrouter.Version() || len(before.Warnings) == 0 || before.Warnings[0].Line != 3 {
		t.Errorf("%s", before.Raw)
	}
	_, _ = router.Completion(context.Background(), question)
	after, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	deployment := after.Groups[0].Deployments[0]
	if deployment.ID != "a" || deployment.State != "cooling" || deployment.Cause == "" || deployment.Failed != 1 {
		t.Errorf("%+v", deployment)
	}
	if rest := deployment.Until.Sub(deployment.Since); rest < 59*time.Second || rest > 61*time.Second {
		t.Errorf("it rests %v", rest)
	}
	if away := time.Since(deployment.Since).Abs(); away > time.Minute {
		t.Errorf("since %v", deployment.Since)
	}
}

// The times of a plan, which the table of cases leaves out, and what is no request.
func TestExplain(t *testing.T) {
	router := open(t, mock("0"))
	timed := question
	timed.Timeout, timed.Deadline = 1500*time.Millisecond, time.Minute
	plan, err := router.Explain(timed)
	if err != nil {
		t.Fatal(err)
	}
	if deployment := plan.Groups[0].Deployments[0]; deployment.Timeout != timed.Timeout || deployment.ID != "one" ||
		plan.Deadline <= 59*time.Second || plan.Deadline > time.Minute || plan.Resolved.How != "group" {
		t.Errorf("%s", plan.Raw)
	}
	if plan, err := router.Explain(question); err != nil || plan.Deadline != 0 {
		t.Error(plan, err)
	}
	unwritable := llmrouter.ChatRequest{Model: "g", Extra: map[string]any{"x": func() {}}}
	if _, err := router.Explain(unwritable); !errors.Is(err, llmrouter.ErrInvalidArgument) {
		t.Error(err)
	}
	for _, raw := range []json.RawMessage{nil, {}, []byte("{"), []byte(`"g"`)} {
		if _, err := router.ExplainRaw(raw); !errors.Is(err, llmrouter.ErrInvalidArgument) {
			t.Error(err)
		}
	}
}

func TestAfterClose(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("0"))
	for range 3 {
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	if _, err := router.Snapshot(); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	if _, err := router.Explain(question); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	if !router.Shutdown(time.Second) {
		t.Error("something runs in a closed router")
	}
}

// An answer outlives its router.
func TestAnswerOutlivesRouter(t *testing.T) {
	router := open(t, mock("0"))
	answer, err := router.Completion(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	router.Close()
	completion, err := answer.Completion()
	if err != nil || completion.Choices[0].Message.Content.String() != "mocked" || answer.Metadata().Deployment != "one" {
		t.Errorf("%+v, %v", completion, err)
	}
}

func TestShutdownDrains(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("300"))
	ended := make(chan error, 1)
	go func() {
		_, err := router.Completion(context.Background(), question)
		ended <- err
	}()
	waitInFlight(t, router, 1)
	if router.Shutdown(0) {
		t.Error("a drain of nothing waited")
	}
	if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	if !router.Shutdown(20 * time.Second) {
		t.Error("the call did not end")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A close beside a drain waits for it; calls are refused meanwhile, and don't wait.
func TestCloseBesideShutdown(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("20000"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := router.Completion(ctx, question)
		ended <- err
	}()
	waitInFlight(t, router, 1)
	drained := make(chan bool, 1)
	go func() { drained <- router.Shutdown(400 * time.Millisecond) }()
	eventually(t, func() bool {
		// One that comes before the drain would wait for its answer.
		soon, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer stop()
		_, err := router.Completion(soon, question)
		return errors.Is(err, llmrouter.ErrShutDown)
	})
	router.Close()
	if <-drained {
		t.Error("the call, which takes 20 s, was drained")
	}
	if err := <-ended; !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	cancel()
}

// Closing while others start, cancel and look: each call ends once, with an answer or because of the one or the other.
func TestCloseAmongCalls(t *testing.T) {
	noGoroutinesLeft(t)
	for round := range 30 {
		router := open(t, mock("1"))
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		for range 16 {
			running.Add(1)
			go func() {
				defer running.Done()
				for {
					_, err := router.Completion(ctx, question)
					if err != nil && !errors.Is(err, llmrouter.ErrShutDown) && !errors.Is(err, llmrouter.ErrCancelled) {
						t.Error(err)
					}
					if _, err := router.Explain(question); err != nil && !errors.Is(err, llmrouter.ErrShutDown) {
						t.Error(err)
					}
					if _, err := router.Snapshot(); errors.Is(err, llmrouter.ErrShutDown) {
						return
					}
				}
			}()
		}
		time.Sleep(time.Duration(round) * 300 * time.Microsecond)
		if round%2 == 0 {
			cancel()
		}
		for range 3 {
			running.Add(1)
			go func() {
				defer running.Done()
				router.Close()
			}()
		}
		running.Wait()
		cancel()
	}
}

// A router that nobody closed and nobody has is freed, with its threads.
func TestForgottenRouters(t *testing.T) {
	if !inChild(t) {
		return
	}
	for range 10 {
		router, err := llmrouter.NewFromYAML(mock("0"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := router.Completion(context.Background(), question); err != nil {
			t.Fatal(err)
		}
	}
	if workers(t) == 0 {
		t.Error("there were no workers to end")
	}
	eventually(t, func() bool {
		runtime.GC()
		return workers(t) == 0
	})
}

// workers counts the threads that are the library's.
func workers(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range names {
		// One that has just ended is none.
		if name, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(name), "llmrouter") {
			count++
		}
	}
	return count
}
