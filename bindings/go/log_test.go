package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const failing = "model_list:\n  - {model_name: g, litellm_params: {model: openai/m, mock_error: 500}, model_info: {id: a}}\n" +
	"router_settings: {num_retries: 0, disable_cooldowns: true, set_verbose: true}\n"

// listen sets a listener until the test ends.
func listen(t *testing.T, level llmrouter.LogLevel, heard func(llmrouter.LogLevel, json.RawMessage)) {
	t.Helper()
	if err := llmrouter.SetLogListener(level, heard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := llmrouter.SetLogListener(llmrouter.LogOff, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestLogRecords(t *testing.T) {
	router := open(t, failing)
	var heard atomic.Int64
	listen(t, llmrouter.LogDebug, func(level llmrouter.LogLevel, record json.RawMessage) {
		var fields struct{ Level, Message, Deployment string }
		if err := json.Unmarshal(record, &fields); err != nil {
			t.Errorf("%v: %s", err, record)
		}
		if level == llmrouter.LogDebug && fields.Level == "debug" && fields.Deployment == "a" {
			heard.Add(1)
		}
	})
	_, _ = router.Completion(context.Background(), question)
	if heard.Load() == 0 {
		t.Error("the failed attempt was not logged")
	}

	// Less is heard at a lower level, nothing after the end.
	before := heard.Load()
	listen(t, llmrouter.LogWarn, func(level llmrouter.LogLevel, _ json.RawMessage) {
		if level > llmrouter.LogWarn {
			heard.Add(1)
		}
	})
	_, _ = router.Completion(context.Background(), question)
	if err := llmrouter.SetLogListener(llmrouter.LogTrace, nil); err != nil {
		t.Error(err)
	}
	_, _ = router.Completion(context.Background(), question)
	if heard.Load() != before {
		t.Error("too much was heard")
	}
}

// Inside a listener what waits is refused, and everything else works.
func TestInsideAListener(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, failing)
	var once sync.Once
	done := make(chan struct{})
	listen(t, llmrouter.LogDebug, func(llmrouter.LogLevel, json.RawMessage) {
		once.Do(func() {
			defer close(done)
			if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrInCallback) {
				t.Error(err)
			}
			if err := llmrouter.SetLogListener(llmrouter.LogOff, nil); !errors.Is(err, llmrouter.ErrInCallback) {
				t.Error(err)
			}
			if router.Shutdown(time.Minute) {
				t.Error("shut down inside a listener")
			}
			if _, err := router.Snapshot(); err != nil {
				t.Error(err)
			}
			if _, err := router.Explain(question); err != nil {
				t.Error(err)
			}
			router.Close()
		})
	})
	_, err := router.Completion(context.Background(), question)
	if err == nil {
		t.Error("the call has an answer")
	}
	<-done
	if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
}

// A listener that was replaced is not called again; replacing goes on beside calls.
func TestListenersReplaced(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, failing)
	stop := make(chan struct{})
	calls := start(4, func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = router.Completion(context.Background(), question)
			}
		}
	})
	var heard atomic.Int64
	start(4, func() {
		for range 50 {
			var replaced atomic.Bool
			err := llmrouter.SetLogListener(llmrouter.LogDebug, func(llmrouter.LogLevel, json.RawMessage) {
				if replaced.Load() {
					t.Error("heard after its end")
				}
				heard.Add(1)
			})
			if err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
			if err := llmrouter.SetLogListener(llmrouter.LogOff, nil); err != nil {
				t.Error(err)
			}
			replaced.Store(true)
		}
	}).Wait()
	close(stop)
	calls.Wait()
	if heard.Load() == 0 {
		t.Error("nothing was heard")
	}
}
