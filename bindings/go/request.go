package llmrouter

import (
	"encoding/json"
	"time"
)

// ChatRequest asks for a chat completion. Fields that are not set are not sent.
type ChatRequest struct {
	// Model is the name of a model group, an alias of one, a name that a wildcard takes, or a deployment's id.
	Model    string    `json:"model"`
	Messages []Message `json:"messages"`

	Temperature         *float64           `json:"temperature,omitempty"`
	TopP                *float64           `json:"top_p,omitempty"`
	N                   *int               `json:"n,omitempty"` // How many choices.
	Stop                []string           `json:"stop,omitempty"`
	MaxTokens           *int               `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int               `json:"max_completion_tokens,omitempty"`
	PresencePenalty     *float64           `json:"presence_penalty,omitempty"`
	FrequencyPenalty    *float64           `json:"frequency_penalty,omitempty"`
	LogitBias           map[string]float64 `json:"logit_bias,omitempty"`
	LogProbs            *bool              `json:"logprobs,omitempty"`
	TopLogProbs         *int               `json:"top_logprobs,omitempty"`
	Seed                *int64             `json:"seed,omitempty"`
	User                string             `json:"user,omitempty"`
	ReasoningEffort     string             `json:"reasoning_effort,omitempty"`
	ResponseFormat      *ResponseFormat    `json:"response_format,omitempty"`
	Tools               []Tool             `json:"tools,omitempty"`
	ToolChoice          *ToolChoice        `json:"tool_choice,omitempty"`
	ParallelToolCalls   *bool              `json:"parallel_tool_calls,omitempty"`
	// StreamOptions are for streams; OpenAI refuses them where the answer comes whole.
	StreamOptions *StreamOptions `json:"stream_options,omitempty"`

	// These are for the router and are not sent.

	// Timeout is for each attempt; the deployment's or the router's if 0. The context bounds the whole call.
	Timeout time.Duration `json:"-"`
	// Deadline is for the whole call; the router's if 0. Unlike the context's, it is planned with: what may have to be
	// asked after the first deployment gets its part of the time. When it is over, the call fails with [ErrTimeout].
	Deadline time.Duration `json:"-"`
	// NumRetries is how many more attempts a group gets after the first.
	NumRetries *int `json:"num_retries,omitempty"`
	// RetryPolicy is the same by class of failure, in the place of the router's.
	RetryPolicy RetryPolicy `json:"retry_policy,omitempty"`
	// ModelGroupRetryPolicy is the same by group.
	ModelGroupRetryPolicy map[string]RetryPolicy `json:"model_group_retry_policy,omitempty"`
	// OnExhausted says what happens when every deployment rests: "fail", or "wait" for the first that returns.
	OnExhausted string `json:"on_exhausted,omitempty"`
	// Cache says what the response cache does with the request, if the configuration has one.
	Cache *CacheControl `json:"cache,omitempty"`
	// Caching leaves the response cache out of it where it is false.
	Caching *bool `json:"caching,omitempty"`
	// Fallbacks say who answers when the model's group can't, in the place of the configured ones: [FallbackNames],
	// [FallbackTargets] or [FallbackLists]. None of them turn fallbacks off: FallbackNames{}.
	Fallbacks Fallbacks `json:"fallbacks,omitempty"`
	// ContextWindowFallbacks and ContentPolicyFallbacks are those after a failure of that kind.
	ContextWindowFallbacks FallbackLists `json:"context_window_fallbacks,omitempty"`
	ContentPolicyFallbacks FallbackLists `json:"content_policy_fallbacks,omitempty"`
	DisableFallbacks       bool          `json:"disable_fallbacks,omitempty"`
	// NoLog has no callback and no event listener hear of the call.
	NoLog bool `json:"no-log,omitempty"`
	// RoutingStrategy chooses among deployments in the place of the configured one.
	RoutingStrategy string `json:"routing_strategy,omitempty"`
	// Tags say who may answer, where tags are heeded: deployments with one of them, with all of those that begin with "&",
	// with none of those that begin with "!". Budgets of tags are charged either way.
	Tags []string `json:"tags,omitempty"`
	// EnableTagFiltering heeds tags whatever the configuration says.
	EnableTagFiltering bool `json:"enable_tag_filtering,omitempty"`
	// AllowedModelRegion lets only deployments of that region_name answer.
	AllowedModelRegion string `json:"allowed_model_region,omitempty"`
	// SpecificDeployment says that Model is a deployment's own model, such as "azure/gpt-4-eu".
	SpecificDeployment bool `json:"specific_deployment,omitempty"`
	// DropParams leaves out what a provider lacks instead of refusing it; AdditionalDropParams are never sent (paths such
	// as "tools[*].strict" too), AllowedOpenAIParams are sent even to a provider that is known to lack them.
	DropParams           bool     `json:"drop_params,omitempty"`
	AdditionalDropParams []string `json:"additional_drop_params,omitempty"`
	AllowedOpenAIParams  []string `json:"allowed_openai_params,omitempty"`
	// ModifyParams lets the router change what a provider would refuse.
	ModifyParams bool `json:"modify_params,omitempty"`
	// Metadata stays here. {"explain": true} puts the plan into the answer's [Metadata].
	Metadata map[string]any `json:"metadata,omitempty"`

	// These play an answer or a failure, to test what surrounds it. Nothing is sent where one takes effect.

	MockResponse  string     `json:"mock_response,omitempty"`   // This text.
	MockToolCalls []ToolCall `json:"mock_tool_calls,omitempty"` // These calls.
	MockTimeout   bool       `json:"mock_timeout,omitempty"`    // A time-out, after Timeout.
	// The model's group fails at once, so that its fallbacks of each kind answer.
	MockTestingFallbacks              bool `json:"mock_testing_fallbacks,omitempty"`
	MockTestingContextFallbacks       bool `json:"mock_testing_context_fallbacks,omitempty"`
	MockTestingContentPolicyFallbacks bool `json:"mock_testing_content_policy_fallbacks,omitempty"`
	// The first attempt in each group is a rate limit, and is retried.
	MockTestingRateLimitError bool `json:"mock_testing_rate_limit_error,omitempty"`

	// Extra are further members; the provider gets them as they are. One that has a field which is set is an error.
	Extra map[string]any `json:"-"`
}

// MarshalJSON renders the request as OpenAI's.
func (r ChatRequest) MarshalJSON() ([]byte, error) {
	type plain ChatRequest
	if r.Messages == nil {
		r.Messages = []Message{}
	}
	return join(struct {
		plain
		Timeout  float64 `json:"timeout,omitempty"` // Seconds, both.
		Deadline float64 `json:"deadline,omitempty"`
	}{plain(r), r.Timeout.Seconds(), r.Deadline.Seconds()}, r.Extra)
}

// CacheControl is a request's word to the response cache.
type CacheControl struct {
	NoCache   bool          // Asked anew, and kept.
	NoStore   bool          // Not kept.
	UseCache  bool          // What a cache with "mode: default_off" waits for.
	TTL       time.Duration // How long the answer counts, if not 0.
	MaxAge    time.Duration // The oldest answer that will do, if not 0.
	Namespace string        // Entries of another one are not seen.
}

// MarshalJSON writes the names and seconds of the wire.
func (c CacheControl) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		NoCache   bool    `json:"no-cache,omitempty"`
		NoStore   bool    `json:"no-store,omitempty"`
		UseCache  bool    `json:"use-cache,omitempty"`
		TTL       float64 `json:"ttl,omitempty"`
		MaxAge    float64 `json:"s-maxage,omitempty"`
		Namespace string  `json:"namespace,omitempty"`
	}{c.NoCache, c.NoStore, c.UseCache, c.TTL.Seconds(), c.MaxAge.Seconds(), c.Namespace})
}

// StreamOptions say what a stream has beside the answer.
type StreamOptions struct {
	// IncludeUsage adds a last chunk that has the [Usage] and no choices. [Metadata] has it either way.
	IncludeUsage bool           `json:"include_usage,omitempty"`
	Extra        map[string]any `json:"-"` // Members without a field.
}

// MarshalJSON renders the options with their Extra.
func (o StreamOptions) MarshalJSON() ([]byte, error) {
	type plain StreamOptions
	return join(plain(o), o.Extra)
}

// ResponseFormat says what shape the answer's text must have.
type ResponseFormat struct {
	Type       string      `json:"type"` // "text", "json_object" or "json_schema".
	JSONSchema *JSONSchema `json:"json_schema,omitempty"`
}

// JSONSchema names a schema for the answer.
type JSONSchema struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Schema      any    `json:"schema,omitempty"` // Anything that is JSON: a map, a struct, a json.RawMessage.
	Strict      *bool  `json:"strict,omitempty"`
}

// Tool is something the model may call.
type Tool struct {
	Type     string              `json:"type"` // "function".
	Function *FunctionDefinition `json:"function,omitempty"`
	Extra    map[string]any      `json:"-"` // Members without a field.
}

// MarshalJSON renders the tool with its Extra.
func (t Tool) MarshalJSON() ([]byte, error) {
	type plain Tool
	return join(plain(t), t.Extra)
}

// FunctionDefinition describes a function to the model.
type FunctionDefinition struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Parameters  any    `json:"parameters,omitempty"` // A JSON schema: a map, a struct, a json.RawMessage.
	Strict      *bool  `json:"strict,omitempty"`
}

// Function is a tool that is a function; parameters is a JSON schema: a map, a struct, a json.RawMessage.
func Function(name, description string, parameters any) Tool {
	definition := FunctionDefinition{Name: name, Description: description, Parameters: parameters}
	return Tool{Type: "function", Function: &definition}
}

// ToolChoice says whether the model calls a tool. Other forms go into [ChatRequest.Extra].
type ToolChoice struct {
	Mode     string // "auto", "none" or "required".
	Function string // The name of the one function to call; Mode is ignored then.
}

// MarshalJSON renders the mode as text and the function as an object.
func (c ToolChoice) MarshalJSON() ([]byte, error) {
	if c.Function == "" {
		return encode(c.Mode)
	}
	return encode(map[string]any{"type": "function", "function": map[string]string{"name": c.Function}})
}

// Ptr returns a pointer to value, for fields that may be unset: Temperature: llmrouter.Ptr(0.2).
func Ptr[T any](value T) *T { return &value }
