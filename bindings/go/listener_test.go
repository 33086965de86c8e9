package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// eventCase is a row of tests/bindings/events.json.
type eventCase struct {
	Name, Path            string
	Request, Script       json.RawMessage
	Stream, Cancel, Close bool
	Read                  int
	WarmUp                int `json:"warm_up"`
	Events                []any
}

// heard are the events that a router's listener has heard.
type heard struct {
	sync.Mutex
	events []llmrouter.RouterEvent
}

func (h *heard) hear(event llmrouter.RouterEvent) {
	h.Lock()
	defer h.Unlock()
	h.events = append(h.events, event)
}

func hearEvents(t *testing.T, router *llmrouter.Router) *heard {
	t.Helper()
	all := &heard{}
	if err := router.SetEventListener(all.hear); err != nil {
		t.Fatal(err)
	}
	return all
}

// holds says whether what is wanted is there, at every depth.
func holds(is, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		own, ok := is.(map[string]any)
		for name, value := range wanted {
			ok = ok && holds(own[name], value)
		}
		return ok
	case []any:
		own, ok := is.([]any)
		return ok && slices.EqualFunc(own, wanted, holds)
	case float64:
		own, ok := is.(float64)
		return ok && math.Abs(own-wanted) <= 1e-9*math.Abs(wanted)
	}
	return reflect.DeepEqual(is, wanted)
}

func play(t *testing.T, router *llmrouter.Router, row *eventCase) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	path := row.Path
	if path == "" {
		path = "/chat/completions"
	}
	if row.Stream {
		stream, err := router.RequestStream(ctx, path, row.Request)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		read := 0
		for _, err := range stream.Events() {
			if read++; err != nil || read == row.Read {
				break
			}
		}
		return
	}
	if row.Cancel || row.Close {
		defer start(1, func() {
			waitInFlight(t, router, 1)
			if row.Close {
				// The first one waits until the last event was heard.
				router.Close()
			}
			cancel()
		}).Wait()
	}
	_, _ = router.Request(ctx, path, row.Request)
}

func TestEventCases(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "events.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Config string
		Cases  []eventCase
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	for _, row := range table.Cases {
		t.Run(row.Name, func(t *testing.T) {
			base := fake(t, string(row.Script))
			router := open(t, strings.ReplaceAll(table.Config, "{{provider}}", base))
			all := hearEvents(t, router)
			for range row.WarmUp {
				play(t, router, &row)
			}
			play(t, router, &row)
			// Both hear the last event before they return.
			router.Shutdown(5 * time.Second)
			router.Close()
			if len(all.events) != len(row.Events) {
				t.Fatalf("%d events, not %d", len(all.events), len(row.Events))
			}
			for i, event := range all.events {
				var is any
				if err := json.Unmarshal(event.Raw, &is); err != nil || !holds(is, row.Events[i]) {
					t.Errorf("%s\nis not %v (%v)", event.Raw, row.Events[i], err)
				}
				checkEvent(t, &event, is.(map[string]any))
			}
		})
	}
}

// checkEvent compares the typed members with the event's text.
func checkEvent(t *testing.T, event *llmrouter.RouterEvent, is map[string]any) {
	t.Helper()
	level := map[llmrouter.LogLevel]string{llmrouter.LogError: "ERROR", llmrouter.LogWarn: "WARN", llmrouter.LogInfo: "INFO"}
	text := func(member string) string { text, _ := is[member].(string); return text }
	number := func(member string) float64 { number, _ := is[member].(float64); return number }
	typed := []any{level[event.Level], event.Event, event.Status, event.TraceID, event.Deployment, event.Model, event.EndUser,
		float64(event.CallID), float64(event.Attempt), float64(event.PromptTokens), float64(len(event.Attempts))}
	attempts, _ := is["attempts"].([]any)
	told := []any{text("level"), text("event"), text("status"), text("trace_id"), text("deployment"), text("model"), text("end_user"),
		number("call_id"), number("attempt"), number("prompt_tokens"), float64(len(attempts))}
	if !reflect.DeepEqual(typed, told) || event.IsCall() != (is["event"] == "call") {
		t.Errorf("%v is not %v", typed, told)
	}
	if (event.Error == nil) != (is["error_information"] == nil) || (event.Error != nil && event.Error.Class == "") {
		t.Errorf("error: %v", event.Error)
	}
	phases := event.Phases
	sum := phases.Resolve + phases.Connect + phases.Headers + phases.FirstContent + phases.Stream + phases.Router
	if (sum-phases.Total).Abs() > time.Millisecond || (event.End.Sub(event.Start)-phases.Total).Abs() > time.Millisecond {
		t.Errorf("%v are not %v, nor %v", sum, phases.Total, event.End.Sub(event.Start))
	}
	if time.Since(event.Start).Abs() > time.Minute {
		t.Errorf("began at %v", event.Start)
	}
}

// After nil nothing comes, and each router has its own.
func TestEventListenersReplaced(t *testing.T) {
	noGoroutinesLeft(t)
	router, other := open(t, mock("0")), open(t, mock("0"))
	first, elsewhere := hearEvents(t, router), hearEvents(t, other)
	ask := func() {
		if _, err := router.Completion(context.Background(), question); err != nil {
			t.Error(err)
		}
	}
	ask()
	eventually(t, func() bool { first.Lock(); defer first.Unlock(); return len(first.events) == 2 })
	second := hearEvents(t, router)
	ask()
	eventually(t, func() bool { second.Lock(); defer second.Unlock(); return len(second.events) == 2 })
	if err := router.SetEventListener(nil); err != nil {
		t.Error(err)
	}
	ask()
	router.Close()
	if len(first.events) != 2 || len(second.events) != 2 || len(elsewhere.events) != 0 {
		t.Errorf("%d, %d and %d events", len(first.events), len(second.events), len(elsewhere.events))
	}
	if err := router.SetEventListener(first.hear); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
}

// Inside a listener what waits is refused; the router may be closed.
func TestInsideAnEventListener(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("0"))
	var once sync.Once
	done := make(chan struct{})
	err := router.SetEventListener(func(llmrouter.RouterEvent) {
		once.Do(func() {
			defer close(done)
			if err := router.SetEventListener(nil); !errors.Is(err, llmrouter.ErrInCallback) {
				t.Error(err)
			}
			if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrInCallback) {
				t.Error(err)
			}
			if _, err := router.Snapshot(); err != nil {
				t.Error(err)
			}
			router.Close()
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = router.Completion(context.Background(), question)
	<-done
}

// A slow listener holds up no call; changes go on beside calls and listeners.
func TestEventListenersUnderLoad(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("0"))
	stop := make(chan struct{})
	var calls, events atomic.Int64
	callers := start(4, func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := router.Completion(context.Background(), question); err != nil {
					t.Error(err)
				}
				calls.Add(1)
			}
		}
	})
	start(4, func() {
		for range 25 {
			err := router.SetEventListener(func(llmrouter.RouterEvent) {
				events.Add(1)
				time.Sleep(time.Millisecond)
			})
			if err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Millisecond)
			if err := router.SetEventListener(nil); err != nil {
				t.Error(err)
			}
		}
	}).Wait()
	close(stop)
	callers.Wait()
	if calls.Load() == 0 || events.Load() == 0 {
		t.Errorf("%d calls, %d events", calls.Load(), events.Load())
	}
}
