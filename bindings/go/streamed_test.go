package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// Whole answers of open streams: of mocks, and over sockets.

// played is the configuration of one deployment that streams these chunks, and then this.
func played(t *testing.T, chunks []string, end string) string {
	t.Helper()
	var events []string
	for _, chunk := range chunks {
		events = append(events, "data: "+chunk+"\n\n")
	}
	return east(t, pieces(t, 0, append(events, end)...))
}

const done = "data: [DONE]\n\n"

// without is the answer without its usage, and with so many of its choices.
func without(t *testing.T, answer string, choices int) []byte {
	t.Helper()
	var whole members
	if err := json.Unmarshal([]byte(answer), &whole); err != nil {
		t.Fatal(err)
	}
	delete(whole, "usage")
	whole["choices"] = whole["choices"].([]any)[:choices]
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// two is a question for two answers.
func two() llmrouter.ChatRequest {
	request := question
	request.N = llmrouter.Ptr(2)
	return request
}

func whole(t *testing.T, router *llmrouter.Router, request llmrouter.ChatRequest) *llmrouter.Response {
	t.Helper()
	opened, err := router.Stream(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := opened.Response()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestStreamAsResponse(t *testing.T) {
	noGoroutinesLeft(t)
	answer := whole(t, open(t, says("Hallöchen, Welt!")), question)
	completion, err := answer.Completion()
	if err != nil {
		t.Fatal(err)
	}
	// The tokens are known without being asked for.
	if answer.Text() != "Hallöchen, Welt!" || completion.Object != "chat.completion" || completion.Usage == nil ||
		completion.Usage.TotalTokens != 30 || completion.Choices[0].FinishReason != "stop" ||
		completion.Choices[0].Message.Content.String() != answer.Text() || answer.Metadata().Deployment != "one" ||
		answer.Metadata().Usage.TotalTokens != 30 || answer.ContentType() != "application/json" {
		t.Errorf("%s, %s", answer.Body, answer.RawMetadata)
	}

	broken := stream(t, open(t, says("Exception: mock_streaming_error, Hello")))
	half, err := broken.Response()
	if !errors.Is(err, llmrouter.ErrInternalServer) || half.Text() != "Hello" || !half.Metadata().UsageEstimated {
		t.Errorf("%+v, %v", half, err)
	}
	if completion, err = half.Completion(); err != nil || completion.Usage != nil || completion.Choices[0].FinishReason != "" {
		t.Errorf("%s, %v", half.Body, err)
	}
	// Behind the end there is nothing, and the error stays.
	if half, err = broken.Response(); !errors.Is(err, llmrouter.ErrInternalServer) || half.Text() != "" {
		t.Errorf("%s, %v", half.Body, err)
	}
	if message, err := broken.Message(); !errors.Is(err, llmrouter.ErrInternalServer) || message.Role != "assistant" {
		t.Errorf("%+v, %v", message, err)
	}
}

func TestTwoChoicesInManyPieces(t *testing.T) {
	noGoroutinesLeft(t)
	asking := two()
	asking.StreamOptions = &llmrouter.StreamOptions{IncludeUsage: true}
	for seed := range uint64(3) {
		answer := whole(t, open(t, played(t, split(t, []byte(spoken), seed), done)), asking)
		equalJSON(t, answer.Body, []byte(spoken))
	}
	// Usage that was not asked for is there if it was counted, and not if it is estimated.
	answer := whole(t, open(t, played(t, split(t, []byte(spoken), 4), done)), two())
	equalJSON(t, answer.Body, []byte(spoken))
	uncounted := without(t, spoken, 2)
	answer = whole(t, open(t, played(t, split(t, uncounted, 5), done)), two())
	equalJSON(t, answer.Body, uncounted)
	if metadata := answer.Metadata(); !metadata.UsageEstimated || metadata.Usage.TotalTokens == 0 {
		t.Errorf("%s", answer.RawMetadata)
	}
}

// What came of a stream that is cut off is what its chunks make.
func TestResponseThatIsCutOff(t *testing.T) {
	chunks := split(t, without(t, spoken, 1), 6)
	chunks = chunks[:len(chunks)-2]
	answer, err := stream(t, open(t, played(t, chunks, ""))).Response()
	if !errors.Is(err, llmrouter.ErrStreamTruncated) {
		t.Error(err)
	}
	equalJSON(t, answer.Body, accumulated(t, chunks...).Body())
}

// A message goes back as it came, whole, beside what came of its calls; also one that a loop has put together.
func TestMessageGoesBack(t *testing.T) {
	const message = `{"role": "assistant", "content": [{"type": "text", "text": "a<"}, {"type": "text", "text": "b", "odd": 1}],
		"reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}], "tool_calls": [
		{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
		{"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}]}`
	deltas := []string{
		`{"reasoning_content": "h"}`, `{"reasoning_content": "m"}`,
		`{"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}`,
		`{"content": [{"type": "text", "text": "a<"}]}`, `{"content": [{"type": "text", "text": "b", "odd": 1}]}`,
		`{"tool_calls": [{"index": 1, "id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}]}`,
		`{"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{"}}]}`,
		`{"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "}"}}]}`,
	}
	var events []string
	for _, delta := range deltas {
		events = append(events, event(delta, "null"))
	}
	events = append(events, event("{}", `"tool_calls"`), done)
	router := open(t, east(t, pieces(t, 0, slices.Clone(events)...)))

	opened := stream(t, router)
	var looped llmrouter.Accumulator
	for chunk, err := range opened.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		looped.Add(chunk)
	}
	first, err := looped.Message()
	if err != nil {
		t.Fatal(err)
	}
	second, err := stream(t, router).Message()
	if err != nil {
		t.Fatal(err)
	}
	fake(t, "")
	for _, answer := range []llmrouter.Message{first, second} {
		request := question
		request.Messages = append(slices.Clone(request.Messages), answer, llmrouter.ToolResult(answer.ToolCalls[0].ID, "1"))
		if _, err := router.Completion(context.Background(), request); err != nil {
			t.Fatal(err)
		}
		var got struct{ Messages []json.RawMessage }
		if err := json.NewDecoder(strings.NewReader(sent(t))).Decode(&got); err != nil || len(got.Messages) != 3 {
			t.Fatalf("%v: %s", err, sent(t))
		}
		equalJSON(t, got.Messages[1], []byte(message))
	}
	if text, err := stream(t, open(t, east(t, pieces(t, 0, events...)))).Text(); text != "a<b" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
