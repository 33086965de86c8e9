package llmrouter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// What a finished stream says: put together by one table for all languages, and from any split.

const spoken = `{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
	{"index": 0, "finish_reason": "tool_calls", "message": {
		"role": "assistant", "content": "Grüße, \"Welt\"! 🌍🌎", "reasoning_content": "Let me think…\n", "tool_calls": [
			{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"city\": \"Zürich 🏔\"}"}},
			{"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
			{"id": "c3", "type": "function", "function": {"name": "f", "arguments": "{\"x\": [1, 2]}"}}]}},
	{"index": 1, "finish_reason": "stop", "message": {
		"role": "assistant", "content": null, "refusal": "I will not do that."}}],
	"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}`

// checkTyped compares what is read into types with the whole answer that it is read from.
func checkTyped(t *testing.T, whole *llmrouter.Accumulator, expected []byte) {
	t.Helper()
	var outline struct {
		ID      string
		Choices []struct {
			Index        int
			Message      members
			FinishReason string `json:"finish_reason"`
		}
		Usage *llmrouter.Usage
	}
	if err := json.Unmarshal(expected, &outline); err != nil {
		t.Fatal(err)
	}
	completion, err := whole.Completion()
	if err != nil {
		t.Fatal(err)
	}
	if completion.ID != outline.ID || len(completion.Choices) != len(outline.Choices) ||
		(completion.Usage == nil) != (outline.Usage == nil) ||
		outline.Usage != nil && completion.Usage.TotalTokens != outline.Usage.TotalTokens {
		t.Errorf("%+v of %s", completion, expected)
	}
	for i, choice := range completion.Choices {
		wanted := outline.Choices[i]
		if choice.Index != wanted.Index || choice.FinishReason != wanted.FinishReason {
			t.Errorf("%+v, not %+v", choice, wanted)
		}
		if refusal, given := wanted.Message["refusal"]; given && refusal == nil {
			// A message that does not refuse has an empty text for it, which is not sent.
			delete(wanted.Message, "refusal")
		}
		checkMessage(t, choice.Message, wanted.Message)
	}
	message, err := whole.Message()
	if err != nil {
		t.Fatal(err)
	}
	checkMessage(t, message, outline.Choices[0].Message)
	if whole.Text() != message.Content.String() {
		t.Errorf("the text %q of %+v", whole.Text(), message)
	}
}

// checkMessage compares what is sent back.
func checkMessage(t *testing.T, message llmrouter.Message, expected members) {
	t.Helper()
	got, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(expected)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, got, wanted)
}

func TestAccumulated(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "accumulated.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		About string
		Cases []struct {
			Name       string
			Chunks     []json.RawMessage
			Completion json.RawMessage
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) < 15 {
		t.Fatalf("only %d cases", len(table.Cases))
	}
	for _, row := range table.Cases {
		t.Run(row.Name, func(t *testing.T) {
			var chunks []string
			for _, chunk := range row.Chunks {
				chunks = append(chunks, string(chunk))
			}
			whole := accumulated(t, chunks...)
			equalJSON(t, whole.Body(), row.Completion)
			checkTyped(t, whole, row.Completion)
			equalJSON(t, whole.Body(), row.Completion)
		})
	}
}

func TestAnySplitIsOneAnswer(t *testing.T) {
	most := 0
	for seed := range uint64(1000) {
		chunks := split(t, []byte(spoken), seed)
		most = max(most, len(chunks))
		whole := accumulated(t, chunks...)
		equalJSON(t, whole.Body(), []byte(spoken))
		checkTyped(t, whole, []byte(spoken))
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, strings.Join(chunks, "\n"))
		}
	}
	if most < 40 {
		t.Errorf("the splits are coarse: %d chunks at most", most)
	}
}

// A snapshot stays what it was when more comes.
func TestAccumulatedSoFar(t *testing.T) {
	whole := accumulated(t, `{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]}`)
	body := whole.Body()
	before := string(body)
	message, err := whole.Message()
	if err != nil {
		t.Fatal(err)
	}
	whole.Add(llmrouter.Chunk{Raw: []byte(
		`{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"arguments": "}"}}]}}]}`)})
	if string(body) != before || message.ToolCalls[0].Function.Arguments != "{" {
		t.Errorf("%s, %+v", body, message)
	}
	if message, err = whole.Message(); err != nil || message.ToolCalls[0].Function.Arguments != "{}" || message.ToolCalls[0].ID != "c1" {
		t.Errorf("%+v, %v", message, err)
	}
}

func TestCharacterCutInTwo(t *testing.T) {
	whole := accumulated(t, `{"choices": [{"index": 0, "delta": {"content": "\ud83d"}}]}`,
		`{"choices": [{"index": 0, "delta": {"content": "\ude00"}}]}`)
	if message, err := whole.Message(); whole.Text() != "😀" || err != nil || message.Content.String() != "😀" {
		t.Errorf("%s, %v", whole.Body(), err)
	}
}

// Without an index nothing belongs together. Depth exhausts nothing; a number and a name stay as they were written.
func TestDepthAndNamesDoNoHarm(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	far := strings.Repeat(`{"a":`, 40) + `{"text":"once"}` + strings.Repeat("}", 40)
	delta := `{"content": "b", "a\"<b": 1.50, "": null, "deep": ` + deep + `, "far": ` + far + `}`
	chunk := `{"choices": [{"delta": {"content": "a"}}, {"index": 0, "delta": ` + delta + `}]}`
	whole := accumulated(t, chunk, chunk)
	var body struct{ Choices []struct{ Message members } }
	if err := json.Unmarshal(whole.Body(), &body); err != nil || len(body.Choices) != 3 {
		t.Fatalf("%v: %.300s", err, whole.Body())
	}
	for i, expected := range []string{"a", "bb", "a"} {
		if got := body.Choices[i].Message["content"]; got != expected {
			t.Errorf("%v, not %s", got, expected)
		}
	}
	if lists, ok := body.Choices[1].Message["deep"].([]any); !ok || len(lists) != 2 ||
		!bytes.Contains(whole.Body(), []byte(`"a\"<b":1.50`)) ||
		// So far down nothing is taken for a piece.
		!bytes.Contains(whole.Body(), []byte(`"text":"once"`)) {
		t.Errorf("%.300s", whole.Body())
	}
}

func TestNoChunkAddsNothing(t *testing.T) {
	var whole llmrouter.Accumulator
	for _, other := range []string{"", "null", "7", "{", "{}", `{"choices": {}}`, `{"type": "response.created", "text": "x"}`} {
		whole.Add(llmrouter.Chunk{Raw: []byte(other)})
	}
	equalJSON(t, whole.Body(), []byte(`{"object": "chat.completion", "choices": []}`))
	message, err := whole.Message()
	if message.Role != "assistant" || message.Content == nil || message.Content.String() != "" || err != nil || whole.Text() != "" {
		t.Errorf("%+v, %v", message, err)
	}
	whole.Add(llmrouter.Chunk{Raw: []byte(` {"choices": [null, 7, {"index": 0}]} `)})
	equalJSON(t, whole.Body(), []byte(`{"object": "chat.completion", "choices": [
		{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": null}]}`))
}

// What is not of OpenAI's types is an error of reading it; the body has it.
func TestAccumulatedOfOtherTypes(t *testing.T) {
	whole := accumulated(t, `{"choices": [{"index": 0, "delta": {"content": "a", "name": 7}}]}`)
	message, err := whole.Message()
	completion, again := whole.Completion()
	var wrong *json.UnmarshalTypeError
	if !errors.Is(err, llmrouter.ErrAPIResponse) || !errors.As(err, &wrong) || message.Role != "" || completion != nil ||
		!errors.Is(again, llmrouter.ErrAPIResponse) || whole.Text() != "a" {
		t.Errorf("%+v, %v, %v", message, err, again)
	}
	equalJSON(t, whole.Body(), []byte(`{"object": "chat.completion", "choices": [
		{"index": 0, "message": {"role": "assistant", "content": "a", "name": 7}, "finish_reason": null}]}`))
}
