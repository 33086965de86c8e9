package llmrouter_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// equalJSON compares two texts as JSON values.
func equalJSON(t *testing.T, got, expected []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(expected, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got      %s\nexpected %s", got, expected)
	}
}

func TestRequestAsJSON(t *testing.T) {
	schema := json.RawMessage(`{"type": "object", "properties": {"city": {"type": "string"}}}`)
	request := llmrouter.ChatRequest{
		Model: "g",
		Messages: []llmrouter.Message{
			llmrouter.System("be brief"),
			llmrouter.UserParts(llmrouter.TextPart("a <b> & c"), llmrouter.ImagePart("data:,x")),
			{Role: "assistant", ToolCalls: []llmrouter.ToolCall{{
				ID: "c1", Type: "function", Function: llmrouter.FunctionCall{Name: "f", Arguments: "{}"},
			}}},
			llmrouter.ToolResult("c1", ""),
			{Role: "user", Content: llmrouter.Text("x"), Extra: map[string]any{"cache_control": map[string]any{"type": "ephemeral"}}},
		},
		Temperature:    llmrouter.Ptr(0.0),
		Stop:           []string{"\n"},
		Seed:           llmrouter.Ptr(int64(1) << 60),
		Tools:          []llmrouter.Tool{llmrouter.Function("f", "d", schema)},
		ToolChoice:     &llmrouter.ToolChoice{Function: "f"},
		ResponseFormat: &llmrouter.ResponseFormat{Type: "json_schema", JSONSchema: &llmrouter.JSONSchema{Name: "n", Schema: schema}},
		Timeout:        1500 * time.Millisecond,
		NumRetries:     llmrouter.Ptr(0),
		Fallbacks:      llmrouter.FallbackNames{"h"},
		Extra:          map[string]any{"top_k": 3},
	}
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, []byte(`{
		"model": "g",
		"messages": [
			{"role": "system", "content": "be brief"},
			{"role": "user", "content": [
				{"type": "text", "text": "a <b> & c"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]},
			{"role": "assistant", "content": null, "tool_calls": [
				{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
			{"role": "tool", "tool_call_id": "c1", "content": ""},
			{"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}}],
		"temperature": 0, "stop": ["\n"], "seed": 1152921504606846976,
		"tools": [{"type": "function", "function": {"name": "f", "description": "d",
			"parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
		"tool_choice": {"type": "function", "function": {"name": "f"}},
		"response_format": {"type": "json_schema", "json_schema": {"name": "n",
			"schema": {"type": "object", "properties": {"city": {"type": "string"}}}}},
		"timeout": 1.5, "num_retries": 0, "fallbacks": ["h"], "top_k": 3}`))
}

func TestOptionsAsJSON(t *testing.T) {
	lists := llmrouter.FallbackLists{"*": {{Model: "h"}, {Model: "i", Changes: map[string]any{"temperature": 0.5}}}}
	request := llmrouter.ChatRequest{
		Model: "g", Timeout: time.Second, Deadline: 2500 * time.Millisecond, OnExhausted: "wait",
		RetryPolicy:            llmrouter.RetryPolicy{"RateLimitError": 3, "DefaultRetries": 0},
		ModelGroupRetryPolicy:  map[string]llmrouter.RetryPolicy{"g": {"Timeout": 1}},
		Fallbacks:              lists,
		ContextWindowFallbacks: lists,
		ContentPolicyFallbacks: llmrouter.FallbackLists{"g": {{Model: "h"}}},
		Cache:                  &llmrouter.CacheControl{NoStore: true, TTL: 1500 * time.Millisecond, Namespace: "n"},
		Caching:                new(bool),
		SpecificDeployment:     true, DropParams: true, ModifyParams: true,
		RoutingStrategy: "least-busy", Tags: []string{"a", "!b"}, EnableTagFiltering: true, AllowedModelRegion: "eu",
		AdditionalDropParams: []string{"a[*].b"}, AllowedOpenAIParams: []string{"c"},
		Metadata:     map[string]any{"explain": true},
		MockResponse: "m", MockTimeout: true,
		MockToolCalls:        []llmrouter.ToolCall{{ID: "c1", Type: "function"}},
		MockTestingFallbacks: true, MockTestingContextFallbacks: true, MockTestingContentPolicyFallbacks: true,
		MockTestingRateLimitError: true,
	}
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, []byte(`{"model": "g", "messages": [], "timeout": 1, "deadline": 2.5, "on_exhausted": "wait",
		"cache": {"no-store": true, "ttl": 1.5, "namespace": "n"}, "caching": false,
		"retry_policy": {"RateLimitError": 3, "DefaultRetries": 0}, "model_group_retry_policy": {"g": {"Timeout": 1}},
		"fallbacks": {"*": ["h", {"model": "i", "temperature": 0.5}]},
		"context_window_fallbacks": {"*": ["h", {"model": "i", "temperature": 0.5}]},
		"content_policy_fallbacks": {"g": ["h"]}, "specific_deployment": true, "drop_params": true, "modify_params": true,
		"routing_strategy": "least-busy", "tags": ["a", "!b"], "enable_tag_filtering": true, "allowed_model_region": "eu",
		"additional_drop_params": ["a[*].b"], "allowed_openai_params": ["c"], "metadata": {"explain": true},
		"mock_response": "m", "mock_timeout": true,
		"mock_tool_calls": [{"id": "c1", "type": "function", "function": {"name": "", "arguments": ""}}],
		"mock_testing_fallbacks": true, "mock_testing_context_fallbacks": true,
		"mock_testing_content_policy_fallbacks": true, "mock_testing_rate_limit_error": true}`))
	for expected, fallbacks := range map[string]llmrouter.Fallbacks{
		`[]`:    llmrouter.FallbackNames{},
		`["h"]`: llmrouter.FallbackTargets{{Model: "h"}},
	} {
		text, err := json.Marshal(llmrouter.ChatRequest{Model: "g", Fallbacks: fallbacks})
		if err != nil || string(text) != `{"model":"g","messages":[],"fallbacks":`+expected+`}` {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestFieldsThatAreNotSet(t *testing.T) {
	text, err := json.Marshal(llmrouter.ChatRequest{Model: "g"})
	if err != nil || string(text) != `{"model":"g","messages":[]}` {
		t.Errorf("%s, %v", text, err)
	}
	auto, err := json.Marshal(llmrouter.ToolChoice{Mode: "auto"})
	if err != nil || string(auto) != `"auto"` {
		t.Errorf("%s, %v", auto, err)
	}
}

func TestStreamOptionsAsJSON(t *testing.T) {
	for expected, options := range map[string]*llmrouter.StreamOptions{
		`{"model":"g","messages":[],"stream_options":{"include_usage":true}}`: {IncludeUsage: true},
		`{"model":"g","messages":[],"stream_options":{}}`:                     {},
		`{"model":"g","messages":[],"stream_options":{"include_usage":true,"include_obfuscation":false}}`: {
			IncludeUsage: true, Extra: map[string]any{"include_obfuscation": false},
		},
	} {
		text, err := json.Marshal(llmrouter.ChatRequest{Model: "g", StreamOptions: options})
		if err != nil || string(text) != expected {
			t.Errorf("%s, %v", text, err)
		}
	}
	twice := llmrouter.ChatRequest{
		Model: "g", StreamOptions: &llmrouter.StreamOptions{}, Extra: map[string]any{"stream_options": 1},
	}
	if text, err := json.Marshal(twice); err == nil {
		t.Errorf("%s", text)
	}
}

func TestMemberGivenTwice(t *testing.T) {
	twice := llmrouter.ChatRequest{Model: "g", Extra: map[string]any{"model": "h"}}
	if text, err := json.Marshal(twice); err == nil {
		t.Errorf("%s", text)
	}
	// A member whose field is not set may stand in Extra.
	other := llmrouter.ChatRequest{Model: "g", Extra: map[string]any{"tool_choice": map[string]any{"type": "custom"}}}
	text, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, []byte(`{"model": "g", "messages": [], "tool_choice": {"type": "custom"}}`))
}

const answer = `{"id": "i", "object": "chat.completion", "created": 1700000000, "model": "m-1", "system_fingerprint": null,
	"service_tier": "x",
	"choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "stop_reason": 7, "message": {
		"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "annotations": [1]}],
		"reasoning_content": "hm", "tool_calls": [
			{"id": "c1", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{\"x\": 1}"}}]}}],
	"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2},
		"completion_tokens_details": {"reasoning_tokens": 1}, "queue_time": 0.5}}`

// An answer over a socket: its bytes as they came, its types, and the members that nobody knows.
func TestAnswerAsTypes(t *testing.T) {
	script, err := json.Marshal(map[string]any{"paths": map[string]any{"/one": []any{map[string]any{
		"text": answer, "headers": map[string]string{"content-type": "application/json", "x-ratelimit-remaining-requests": "99"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	base := fake(t, string(script))
	router := open(t, "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_base: '"+base+"/one/v1', api_key: k}\n")
	response, err := router.Completion(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	if string(response.Body) != answer {
		t.Errorf("the body is %s", response.Body)
	}
	completion, err := response.Completion()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := response.Completion(); again != completion {
		t.Error("it was read twice")
	}
	choice := completion.Choices[0]
	if completion.ID != "i" || completion.Created != 1700000000 || string(completion.Extra["service_tier"]) != `"x"` ||
		choice.FinishReason != "tool_calls" || string(choice.Extra["stop_reason"]) != "7" ||
		choice.Message.Content.String() != "ab" || response.Text() != "ab" {
		t.Errorf("%+v", completion)
	}
	usage := completion.Usage
	if usage.TotalTokens != 7 || usage.PromptTokensDetails.CachedTokens != 2 ||
		usage.CompletionTokensDetails.ReasoningTokens != 1 || string(usage.Extra["queue_time"]) != "0.5" {
		t.Errorf("%+v", usage)
	}
	if call := choice.Message.ToolCalls[0]; call.Function.Name != "f" || call.Function.Arguments != `{"x": 1}` {
		t.Errorf("%+v", call)
	}

	// Sent back, the message is what it was, with all that is unknown.
	sent, err := json.Marshal(choice.Message)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Choices []struct{ Message json.RawMessage }
	}
	if err := json.Unmarshal([]byte(answer), &whole); err != nil {
		t.Fatal(err)
	}
	equalJSON(t, sent, whole.Choices[0].Message)

	metadata := response.Metadata()
	if metadata.Headers["x-ratelimit-remaining-requests"] != "99" || metadata.Usage.TotalTokens != 7 || metadata.CallID == 0 ||
		metadata.APIBase == "" || metadata.Latency <= 0 || metadata.Overhead <= 0 || metadata.Latency < metadata.Overhead ||
		metadata.Attempts[0].Took <= 0 || metadata.Attempts[0].Status != 200 {
		t.Errorf("%+v of %s", metadata, response.RawMetadata)
	}
}

// A body whose members have other types than OpenAI's is an error of reading it, not of the call.
func TestAnswerOfOtherTypes(t *testing.T) {
	response := llmrouter.Response{Answer: llmrouter.Answer{Body: []byte(`{"choices": [{"index": "first"}]}`)}}
	if completion, err := response.Completion(); err == nil || completion != nil {
		t.Errorf("%+v", completion)
	}
}

func TestOptionsReachTheRouter(t *testing.T) {
	router := open(t, "model_list:\n"+
		"  - {model_name: g, litellm_params: {model: openai/m, mock_error: 500}}\n"+
		"  - {model_name: h, litellm_params: {model: openai/m, mock_response: from h}}\n"+
		"  - {model_name: slow, litellm_params: {model: openai/m, mock_response: late, mock_delay_ms: 20000}}\n"+
		"router_settings: {retry_after: 0, disable_cooldowns: true}\n")
	request := llmrouter.ChatRequest{
		Model: "g", NumRetries: llmrouter.Ptr(1), Fallbacks: llmrouter.FallbackNames{"h"}, Extra: map[string]any{"caching": true},
	}
	response, err := router.Completion(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	metadata := response.Metadata()
	if len(metadata.Attempts) != 3 || metadata.Fallbacks != 1 || metadata.ModelGroup != "h" ||
		!reflect.DeepEqual(metadata.DroppedParams, []string{"caching"}) || metadata.Attempts[0].Error != "InternalServerError" {
		t.Errorf("%s", response.RawMetadata)
	}
	request.DisableFallbacks = true
	if _, err := router.Completion(context.Background(), request); err == nil {
		t.Error("it fell back")
	}
	slow := llmrouter.ChatRequest{Model: "slow", Timeout: 20 * time.Millisecond, NumRetries: llmrouter.Ptr(0)}
	_, err = router.Completion(context.Background(), slow)
	checkError(t, err, map[string]any{"class": "Timeout", "status": 408.0})
}
