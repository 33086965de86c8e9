package llmrouter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// at is the configuration of one deployment at the fake provider, whose paths below /one have been given these replies.
func at(t *testing.T, replies map[string]any) string {
	t.Helper()
	paths := map[string]any{}
	for path, reply := range replies {
		paths["/one/v1"+path] = []any{reply}
	}
	script, err := json.Marshal(map[string]any{"paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	base := fake(t, string(script))
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_base: '" + base +
		"/one/v1', api_key: k}\n    model_info: {id: one}\nrouter_settings: {num_retries: 0, disable_cooldowns: true}\n"
}

// sent is the body of the newest request that the fake provider got.
func sent(t *testing.T) string {
	t.Helper()
	answer, err := http.Get(provider.base + "/_control/log")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var log []struct{ Raw string }
	if err := json.NewDecoder(answer.Body).Decode(&log); err != nil || len(log) == 0 {
		t.Fatal("no log", err)
	}
	return log[len(log)-1].Raw
}

func TestEmbedding(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, at(t, map[string]any{"/embeddings": map[string]any{"text": `{"object":"list","model":"m-1","odd":1.50,
		"data":[{"object":"embedding","index":0,"embedding":[0.25,-1e-7]},{"object":"embedding","index":1,"embedding":"AAAAPwAAgL8="}],
		"usage":{"prompt_tokens":4,"total_tokens":4}}`}}))
	answer, err := router.Embedding(context.Background(), llmrouter.EmbeddingRequest{
		Model: "g", Input: llmrouter.InputTexts{"a <b>", "c"}, Dimensions: llmrouter.Ptr(2), EncodingFormat: "base64", User: "u",
		Timeout: time.Second, NumRetries: llmrouter.Ptr(0), Extra: map[string]any{"input_type": "query"},
	})
	if err != nil {
		t.Fatal(err)
	}
	vectors := []llmrouter.Embedding{{Index: 0, Vector: llmrouter.Vector{0.25, -1e-7}}, {Index: 1, Vector: llmrouter.Vector{0.5, -1}}}
	if !reflect.DeepEqual(answer.Data, vectors) || answer.Model != "m-1" || answer.Usage.TotalTokens != 4 ||
		string(answer.Extra["odd"]) != "1.50" || answer.Text() != "" {
		t.Errorf("%+v", answer)
	}
	if metadata := answer.Metadata(); metadata.Deployment != "one" || metadata.Usage.PromptTokens != 4 ||
		!bytes.HasPrefix(answer.Body, []byte(`{"object":"list"`)) || answer.ContentType() != "application/json" {
		t.Errorf("%s of %s", answer.RawMetadata, answer.Body)
	}
	equalJSON(t, []byte(sent(t)), []byte(`{"model": "m", "input": ["a <b>", "c"], "dimensions": 2, "encoding_format": "base64",
		"user": "u", "input_type": "query"}`))
}

func TestEmbeddingRequestAsJSON(t *testing.T) {
	for expected, input := range map[string]llmrouter.EmbeddingInput{
		`"a"`:         llmrouter.InputText("a"),
		`["a"]`:       llmrouter.InputTexts{"a"},
		`[1,2]`:       llmrouter.InputTokens{1, 2},
		`[[1],[2,3]]`: llmrouter.InputTokenLists{{1}, {2, 3}},
	} {
		text, err := json.Marshal(llmrouter.EmbeddingRequest{Model: "g", Input: input})
		if err != nil || string(text) != `{"model":"g","input":`+expected+`}` {
			t.Errorf("%s, %v", text, err)
		}
	}
	whole := llmrouter.EmbeddingRequest{
		Model: "g", Input: llmrouter.InputText("a"), Deadline: 1500 * time.Millisecond, Fallbacks: llmrouter.FallbackNames{"h"},
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, []byte(`{"model": "g", "input": "a", "deadline": 1.5, "fallbacks": ["h"]}`))
	whole.Extra = map[string]any{"input": "b"}
	if _, err := open(t, says("x")).Embedding(context.Background(), whole); !errors.Is(err, llmrouter.ErrInvalidArgument) {
		t.Error(err)
	}
}

func TestEmbeddingsThatCanNotBeRead(t *testing.T) {
	for _, vector := range []string{`"?"`, `"AAA="`, `{}`, `["a"]`} {
		router := open(t, at(t, map[string]any{"/embeddings": map[string]any{"text": `{"data":[{"index":0,"embedding":` + vector + `}]}`}}))
		if _, err := router.EmbeddingRaw(context.Background(), []byte(`{"model":"g","input":"a"}`)); !errors.Is(err, llmrouter.ErrAPIResponse) {
			t.Errorf("%s: %v", vector, err)
		}
		answer, err := router.Request(context.Background(), "/embeddings", map[string]any{"model": "g", "input": "a"})
		if err != nil || !bytes.Contains(answer.Body, []byte(vector)) {
			t.Errorf("%s: %v", vector, err)
		}
	}
}

// A file goes out as it is, sound comes back as it is, and neither is JSON.
func TestFileAndSound(t *testing.T) {
	const file = "RIFF\x00\x01\r\n--grüße"
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	router := open(t, at(t, map[string]any{
		"/audio/transcriptions": map[string]any{"json": map[string]any{"text": "heard"}},
		"/audio/speech":         map[string]any{"base64": every, "headers": map[string]string{"content-type": "audio/mpeg"}},
	}))
	answer, err := router.Request(context.Background(), "/audio/transcriptions", struct {
		Model string         `json:"model"`
		File  llmrouter.File `json:"file"`
	}{"g", llmrouter.File{Filename: "a.wav", ContentType: "audio/wav", Data: []byte(file)}})
	if err != nil {
		t.Fatal(err)
	}
	var transcript struct{ Text string }
	if err := answer.Decode(&transcript); err != nil || transcript.Text != "heard" || answer.Text() != "heard" {
		t.Errorf("%s, %v", answer.Body, err)
	}
	if form := sent(t); !strings.Contains(form, "\r\n"+file+"\r\n") || !strings.Contains(form, `filename="a.wav"`) {
		t.Errorf("sent was %q", form)
	}

	sound, err := router.Request(context.Background(), "/audio/speech", []byte(`{"model":"g","input":"x","voice":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sound.Body, every) || sound.ContentType() != "audio/mpeg" || sound.Text() != "" {
		t.Errorf("%q", sound.Body)
	}
	if err := sound.Decode(&transcript); err == nil || !strings.Contains(err.Error(), "audio/mpeg") {
		t.Error(err)
	}
}

func TestRequestsOfVerbsThatAreNone(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, says("x"))
	ctx := context.Background()
	for path, class := range map[string]error{"/files": llmrouter.ErrInvalidArgument, "": llmrouter.ErrInvalidArgument, "\xff": llmrouter.ErrInvalidArgument} {
		_, whole := router.Request(ctx, path, map[string]any{"model": "g"})
		_, streamed := router.RequestStream(ctx, path, map[string]any{"model": "g"})
		if !errors.Is(whole, class) || !errors.Is(streamed, class) {
			t.Errorf("%q: %v, %v", path, whole, streamed)
		}
	}
	for _, request := range []any{nil, "text", 7, json.RawMessage(nil), []byte("{"), func() {}} {
		_, whole := router.Request(ctx, "/responses", request)
		_, streamed := router.RequestStream(ctx, "/responses", request)
		if !errors.Is(whole, llmrouter.ErrInvalidArgument) || !errors.Is(streamed, llmrouter.ErrInvalidArgument) {
			t.Errorf("%v: %v, %v", request, whole, streamed)
		}
	}
	_, err := router.RequestStream(ctx, "/embeddings", map[string]any{"model": "g", "input": "a"})
	checkError(t, err, map[string]any{"class": "BadRequestError", "code": 400.0, "param": "stream"})
	router.Close()
	_, whole := router.Request(ctx, "/responses", map[string]any{"model": "g", "input": "a"})
	_, streamed := router.RequestStream(ctx, "/responses", map[string]any{"model": "g", "input": "a"})
	if !errors.Is(whole, llmrouter.ErrShutDown) || !errors.Is(streamed, llmrouter.ErrShutDown) {
		t.Error(whole, streamed)
	}
}

// Usage has other names in some verbs.
func TestUsageOfResponse(t *testing.T) {
	var usage llmrouter.Usage
	text := `{"input_tokens":10,"input_tokens_details":{"cached_tokens":3},"output_tokens":20,
		"output_tokens_details":{"reasoning_tokens":5},"total_tokens":30}`
	if err := json.Unmarshal([]byte(text), &usage); err != nil {
		t.Fatal(err)
	}
	if usage.PromptTokens != 10 || usage.PromptTokensDetails.CachedTokens != 3 || usage.CompletionTokens != 20 ||
		usage.CompletionTokensDetails.ReasoningTokens != 5 || usage.TotalTokens != 30 || string(usage.Extra["input_tokens"]) != "10" {
		t.Errorf("%+v", usage)
	}
	if err := json.Unmarshal([]byte(`{"input_tokens":"ten"}`), &usage); err == nil {
		t.Errorf("%+v", usage)
	}
}
