package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// says is the configuration of one deployment that plays this text.
func says(text string) string {
	return "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, mock_response: '" + text + "'}\n" +
		"    model_info: {id: one}\nrouter_settings: {num_retries: 0, disable_cooldowns: true}\n"
}

// east is the configuration of one deployment at the fake provider, which has been given this reply.
func east(t *testing.T, reply string) string {
	t.Helper()
	base := fake(t, `{"paths": {"/east": [`+reply+`]}}`)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_base: '" + base +
		"/east/v1', api_key: k}\n    model_info: {id: east}\nrouter_settings: {num_retries: 0, disable_cooldowns: true}\n"
}

// event is what a provider sends for a chunk.
func event(delta string, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":` +
		delta + `,"finish_reason":` + finish + "}]}\n\n"
}

// pieces is a reply of these events, each after so many milliseconds.
func pieces(t *testing.T, delay int, events ...string) string {
	t.Helper()
	var chunks []any
	for _, text := range events {
		chunks = append(chunks, map[string]any{"text": text, "delay_ms": delay})
	}
	reply, err := json.Marshal(map[string]any{"chunks": chunks})
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

// hello is a reply in six chunks, and the usage.
func hello(t *testing.T) string {
	t.Helper()
	usage := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"x","choices":[],` +
		`"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}` + "\n\n"
	return pieces(t, 0, event(`{"role":"assistant","content":""}`, "null"), event(`{"content":"hello"}`, "null"),
		event(`{"content":" from"}`, "null"), event(`{"content":" east"}`, "null"), event("{}", `"stop"`), usage,
		"data: [DONE]\n\n")
}

// slow is a reply that takes 20 s.
func slow(t *testing.T) string {
	t.Helper()
	events := make([]string, 1000)
	for i := range events {
		events[i] = event(`{"content":"x"}`, "null")
	}
	return pieces(t, 20, events...)
}

func stream(t *testing.T, router *llmrouter.Router) *llmrouter.Stream {
	t.Helper()
	opened, err := router.Stream(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

// aborts is how many connections have been broken off by the router, as the fake provider has seen it.
func aborts(t *testing.T) int {
	t.Helper()
	answer, err := http.Get(provider.base + "/_control/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var stats struct {
		ClientAborts *int `json:"client_aborts"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil || stats.ClientAborts == nil {
		t.Fatal("no such number", err)
	}
	return *stats.ClientAborts
}

func TestStream(t *testing.T) {
	noGoroutinesLeft(t)
	opened := stream(t, open(t, east(t, hello(t))))
	if early := opened.Metadata(); early.Deployment != "east" || early.TTFT <= 0 {
		t.Errorf("%s", opened.RawMetadata())
	}
	var text string
	var chunks []llmrouter.Chunk
	for chunk, err := range opened.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Text()
		chunks = append(chunks, chunk)
	}
	last := chunks[len(chunks)-1]
	if text != "hello from east" || chunks[0].Choices[0].Delta.Role != "assistant" || last.Choices[0].FinishReason != "stop" ||
		last.ID == "" || last.Model == "" || !json.Valid(last.Raw) {
		t.Errorf("%q, %+v", text, chunks)
	}
	if whole := opened.Metadata(); whole.Usage == nil || whole.Usage.TotalTokens != 30 || whole.UsageEstimated ||
		whole.Latency < whole.TTFT || len(whole.Attempts) != 1 {
		t.Errorf("%s", opened.RawMetadata())
	}
	for range opened.Chunks() {
		t.Error("there is more after the end")
	}
	if err := errors.Join(opened.Close(), opened.Close()); err != nil {
		t.Error(err)
	}
}

// Every member of a chunk, its bytes, and what is asked for as further members.
func TestChunkAsTypes(t *testing.T) {
	delta := `{"role":"assistant","content":"caf\u00e9","reasoning_content":"hm","refusal":"no","odd":1.50,"tool_calls":[` +
		`{"index":1,"id":"c1","type":"function","function":{"name":"f","arguments":"{"}}]}`
	router := open(t, east(t, pieces(t, 0, event(delta, "null"), event("{}", `"tool_calls"`), "data: [DONE]\n\n")))
	var chunks []llmrouter.Chunk
	for chunk, err := range stream(t, router).Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, chunk)
	}
	raw := strings.TrimSpace(strings.TrimPrefix(event(delta, "null"), "data: "))
	said := chunks[0].Choices[0].Delta
	if string(chunks[0].Raw) != raw || said.Content != "café" || said.ReasoningContent != "hm" || said.Refusal != "no" ||
		chunks[0].Text() != "café" || chunks[0].ID != "c" || chunks[0].Created != 1 {
		t.Errorf("%+v of %s", chunks[0], chunks[0].Raw)
	}
	if call := said.ToolCalls[0]; call.Index != 1 || call.ID != "c1" || call.Type != "function" ||
		call.Function.Name != "f" || call.Function.Arguments != "{" {
		t.Errorf("%+v", call)
	}
	if len(chunks) != 2 || chunks[1].Choices[0].FinishReason != "tool_calls" {
		t.Errorf("%+v", chunks)
	}

	asking := question
	asking.StreamOptions = &llmrouter.StreamOptions{IncludeUsage: true}
	opened, err := open(t, east(t, hello(t))).Stream(context.Background(), asking)
	if err != nil {
		t.Fatal(err)
	}
	var usage *llmrouter.Usage
	for chunk := range opened.Chunks() {
		usage = chunk.Usage
	}
	if usage == nil || usage.TotalTokens != 30 {
		t.Errorf("%+v", usage)
	}
}

func TestStreamAsMessage(t *testing.T) {
	piece := func(index, more string) string { return event(`{"tool_calls":[{"index":`+index+`,`+more+`}]}`, "null") }
	router := open(t, east(t, pieces(t, 0,
		event(`{"role":"assistant","content":null,"reasoning_content":"h"}`, "null"), event(`{"reasoning_content":"m<"}`, "null"),
		event(`{"content":"a"}`, "null"), event(`{"content":"b"}`, "null"),
		piece("0", `"id":"c1","type":"function","function":{"name":"f","arguments":""}`),
		piece("1", `"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}`),
		piece("0", `"function":{"arguments":"{\"x\":"}`), piece("0", `"function":{"arguments":"1}"}`),
		event("{}", `"tool_calls"`), "data: [DONE]\n\n")))
	message, err := stream(t, router).Message()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, []byte(`{"role": "assistant", "content": "ab", "reasoning_content": "hm<", "tool_calls": [
		{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
		{"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]}`))

	half, err := stream(t, open(t, says("Exception: mock_streaming_error, Hello"))).Message()
	if half.Content.String() != "Hello" || !errors.Is(err, llmrouter.ErrInternalServer) {
		t.Errorf("%+v, %v", half, err)
	}
}

func TestChunkOfOtherTypes(t *testing.T) {
	bad := strings.Replace(event(`{"content":"b"}`, "null"), `"created":1`, `"created":"late"`, 1)
	opened := stream(t, open(t, east(t, pieces(t, 0, event(`{"content":"a"}`, "null"), bad, event("{}", `"stop"`)))))
	text, err := opened.Text()
	var wrong *json.UnmarshalTypeError
	if text != "a" || !errors.Is(err, llmrouter.ErrAPIResponse) || !errors.As(err, &wrong) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestStreamsOfMocks(t *testing.T) {
	noGoroutinesLeft(t)
	if text, err := stream(t, open(t, says("Hallöchen, Welt!"))).Text(); text != "Hallöchen, Welt!" || err != nil {
		t.Errorf("%q, %v", text, err)
	}

	// It breaks in its middle: what came, then one error, which stays.
	broken := stream(t, open(t, says("Exception: mock_streaming_error, Hello")))
	for round, expected := range []string{"Hello", ""} {
		var text string
		var failures []error
		for chunk, err := range broken.Chunks() {
			if len(failures) > 0 {
				t.Error("there is more after the error")
			}
			if text += chunk.Text(); err != nil {
				failures = append(failures, err)
				if metadata := broken.Metadata(); !metadata.UsageEstimated || metadata.Usage == nil {
					t.Errorf("%s", broken.RawMetadata())
				}
			}
		}
		if text != expected || len(failures) != 1 || !errors.Is(failures[0], llmrouter.ErrInternalServer) {
			t.Errorf("round %d: %q, %v", round, text, failures)
		}
	}
	_, err := broken.Text()
	var failed *llmrouter.Error
	if !errors.As(err, &failed) || failed.Status != 529 || len(failed.Attempts) != 1 {
		t.Errorf("%+v", failed)
	}

	if _, err := open(t, failing).Stream(context.Background(), question); !errors.Is(err, llmrouter.ErrInternalServer) {
		t.Error(err)
	}
}

func TestStreamsThatAreNone(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, says("x"))
	for _, raw := range []json.RawMessage{nil, []byte("null"), []byte(`{"model"`)} {
		if _, err := router.StreamRaw(context.Background(), raw); !errors.Is(err, llmrouter.ErrInvalidArgument) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	bad := question
	bad.Extra = map[string]any{"f": func() {}}
	if _, err := router.Stream(context.Background(), bad); !errors.Is(err, llmrouter.ErrInvalidArgument) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := router.Stream(ctx, question); !errors.Is(err, llmrouter.ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	router.Close()
	if _, err := router.Stream(context.Background(), question); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
}

// While it opens, while a read waits, and while nobody reads: the provider hears of it at once.
func TestContextEndsStream(t *testing.T) {
	noGoroutinesLeft(t)
	why := errors.New("the user left")
	cancelled := func(err error) {
		t.Helper()
		if !errors.Is(err, llmrouter.ErrCancelled) || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Error(err)
		}
	}
	router := open(t, east(t, `{"hang": true}`))
	before, sent := aborts(t), requests(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		for requests(t) == sent {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	_, err := router.Stream(ctx, question)
	cancelled(err)
	eventually(t, func() bool { return aborts(t) > before })

	east(t, slow(t))
	for _, reading := range []bool{true, false} {
		before = aborts(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		opened, err := router.Stream(ctx, question)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if !reading {
			cancel(why)
			eventually(t, func() bool { return aborts(t) > before })
		}
		pairs := 0
		err = nil
		for _, err = range opened.Chunks() {
			if pairs++; pairs == 2 {
				time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
			}
		}
		cancelled(err)
		var failed *llmrouter.Error
		if !errors.As(err, &failed) || len(failed.Attempts) != 1 {
			t.Errorf("%+v", failed)
		}
		if took := time.Since(start); took > 2*time.Second || !reading && pairs != 1 {
			t.Errorf("took %v, %d pairs", took, pairs)
		}
		if metadata := opened.Metadata(); !metadata.UsageEstimated || metadata.Attempts[0].Error != "CancelledError" {
			t.Errorf("%s", opened.RawMetadata())
		}
		eventually(t, func() bool { return aborts(t) > before })
	}
	waitInFlight(t, router, 0)
}

// A break, a panic and a Close, in the loop, beside it and without one.
func TestLeavingStream(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, east(t, slow(t)))
	for name, leave := range map[string]func(*llmrouter.Stream){
		"break": func(opened *llmrouter.Stream) {
			for range opened.Chunks() {
				break
			}
		},
		"panic": func(opened *llmrouter.Stream) {
			defer func() { _ = recover() }()
			for range opened.Chunks() {
				panic("in the loop")
			}
		},
		"close": func(opened *llmrouter.Stream) { opened.Close() },
		"close in the loop": func(opened *llmrouter.Stream) {
			var last error
			for _, last = range opened.Chunks() {
				opened.Close()
			}
			if !errors.Is(last, llmrouter.ErrCancelled) {
				t.Error(last)
			}
		},
		"close beside the loop": func(opened *llmrouter.Stream) {
			for range 3 {
				time.AfterFunc(50*time.Millisecond, func() { opened.Close() })
			}
			if _, err := opened.Text(); !errors.Is(err, llmrouter.ErrCancelled) {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := aborts(t)
			opened := stream(t, router)
			start := time.Now()
			leave(opened)
			eventually(t, func() bool { return aborts(t) > before })
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			eventually(t, func() bool { return opened.Metadata().UsageEstimated })
			if _, err := opened.Text(); !errors.Is(err, llmrouter.ErrCancelled) || errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			opened.Close()
		})
	}
	waitInFlight(t, router, 0)
}

func TestTwoLoops(t *testing.T) {
	opened := stream(t, open(t, says("Hello, all of you")))
	var text string
	for chunk, err := range opened.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Text()
		if _, err := opened.Text(); !errors.Is(err, llmrouter.ErrBusy) {
			t.Error(err)
		}
	}
	if text != "Hello, all of you" {
		t.Errorf("%q", text)
	}
}

func TestStreamOutlivesRouter(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, east(t, slow(t)))
	waiting, idle := stream(t, router), stream(t, router)
	ended := make(chan error, 1)
	go func() {
		_, err := waiting.Text()
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond)
	router.Close()
	if err := <-ended; !errors.Is(err, llmrouter.ErrShutDown) {
		t.Error(err)
	}
	if _, err := idle.Text(); !errors.Is(err, llmrouter.ErrShutDown) || idle.Metadata().Deployment != "east" {
		t.Error(err)
	}
}

func TestStreamInLogListener(t *testing.T) {
	router, other := open(t, failing), stream(t, open(t, says("Hello")))
	var heard atomic.Bool
	listen(t, llmrouter.LogDebug, func(llmrouter.LogLevel, json.RawMessage) {
		if heard.Swap(true) {
			return
		}
		if _, err := router.Stream(context.Background(), question); !errors.Is(err, llmrouter.ErrInCallback) {
			t.Error(err)
		}
		if _, err := other.Text(); !errors.Is(err, llmrouter.ErrInCallback) {
			t.Error(err)
		}
		other.Close()
	})
	_, _ = router.Completion(context.Background(), question)
	if !heard.Load() {
		t.Error("nothing was logged")
	}
}

// Each in a goroutine of its own: read, left, closed and cancelled.
func TestManyStreams(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, east(t, hello(t)))
	var number atomic.Int64
	start(200, func() {
		kind := number.Add(1) % 4
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		opened, err := router.Stream(ctx, question)
		if err != nil {
			t.Error(err)
			return
		}
		switch kind {
		case 1:
			for range opened.Chunks() {
				break
			}
		case 2:
			go cancel()
			if _, err := opened.Text(); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case 3:
			go opened.Close()
			if _, err := opened.Text(); err != nil && !errors.Is(err, llmrouter.ErrCancelled) {
				t.Error(err)
			}
		default:
			if text, err := opened.Text(); text != "hello from east" || err != nil {
				t.Error(fmt.Sprintf("%q", text), err)
			}
		}
	}).Wait()
	waitInFlight(t, router, 0)
}

// A stream that nobody closed and nobody has is freed, though its context lives on.
func TestForgottenStream(t *testing.T) {
	router := open(t, east(t, slow(t)))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := router.Stream(ctx, question); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		runtime.GC()
		snapshot, err := router.Snapshot()
		return err == nil && snapshot.Groups[0].Deployments[0].InFlight == 0
	})
}

// 5,000 streams that open and 200 that are read cost no thread while they wait, nor when all are cancelled at one moment.
func TestThreadsOfStreams(t *testing.T) {
	if !inChild(t) {
		return
	}
	opening, reading := open(t, mock("60000")), open(t, east(t, slow(t)))
	ctx, cancel := context.WithCancel(context.Background())
	const waiting, read = 5000, 200
	var cancelled atomic.Int64
	ended := func(err error) {
		if errors.Is(err, llmrouter.ErrCancelled) {
			cancelled.Add(1)
		} else {
			t.Error(err)
		}
	}
	openings := start(waiting, func() {
		_, err := opening.Stream(ctx, question)
		ended(err)
	})
	reads := start(read, func() {
		opened, err := reading.Stream(ctx, question)
		if err == nil {
			_, err = opened.Text()
		}
		ended(err)
	})
	waitInFlight(t, opening, waiting)
	waitInFlight(t, reading, read)
	time.Sleep(300 * time.Millisecond)
	cancel()
	openings.Wait()
	reads.Wait()
	// Go gives none back, so these are the most there were. Two routers, a process that was started and its HTTP client
	// make some more than checkThreads allows for a router alone.
	tasks, err := os.ReadDir("/proc/self/task")
	if most := runtime.GOMAXPROCS(0) + 16; err != nil || len(tasks) > most {
		t.Errorf("%d threads, more than %d (%v)", len(tasks), most, err)
	}
	if cancelled.Load() != waiting+read {
		t.Errorf("%d were cancelled", cancelled.Load())
	}
}
