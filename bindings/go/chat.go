package llmrouter

import "encoding/json"

// ChatCompletion is the body of an answer in OpenAI's shape.
type ChatCompletion struct {
	ID                string   `json:"id"`
	Object            string   `json:"object"`
	Created           int64    `json:"created"` // Unix seconds.
	Model             string   `json:"model"`   // As the provider names it.
	SystemFingerprint string   `json:"system_fingerprint"`
	Choices           []Choice `json:"choices"`
	Usage             *Usage   `json:"usage"` // nil if the provider reported none.
	// Extra are the members without a field.
	Extra map[string]json.RawMessage `json:"-"`
}

// Choice is one of the answers.
type Choice struct {
	Index        int             `json:"index"`
	Message      Message         `json:"message"`
	FinishReason string          `json:"finish_reason"` // "stop", "length", "tool_calls", "content_filter", …
	LogProbs     json.RawMessage `json:"logprobs"`
	// Extra are the members without a field.
	Extra map[string]json.RawMessage `json:"-"`
}

// Usage counts tokens. Input and output tokens, as some verbs call them, are those of prompt and completion.
type Usage struct {
	PromptTokens            int64                   `json:"prompt_tokens"`
	CompletionTokens        int64                   `json:"completion_tokens"`
	TotalTokens             int64                   `json:"total_tokens"`
	PromptTokensDetails     PromptTokensDetails     `json:"prompt_tokens_details"`
	CompletionTokensDetails CompletionTokensDetails `json:"completion_tokens_details"`
	// Extra are the members without a field.
	Extra map[string]json.RawMessage `json:"-"`
}

// PromptTokensDetails says what the prompt's tokens were; 0 where the provider does not say.
type PromptTokensDetails struct {
	CachedTokens int64 `json:"cached_tokens"`
	AudioTokens  int64 `json:"audio_tokens"`
}

// CompletionTokensDetails says what the answer's tokens were; 0 where the provider does not say.
type CompletionTokensDetails struct {
	ReasoningTokens int64 `json:"reasoning_tokens"`
	AudioTokens     int64 `json:"audio_tokens"`
}

// UnmarshalJSON keeps what has no field in Extra.
func (c *ChatCompletion) UnmarshalJSON(data []byte) (err error) {
	type plain ChatCompletion
	c.Extra, err = split[json.RawMessage](data, (*plain)(c))
	return err
}

// UnmarshalJSON keeps what has no field in Extra.
func (c *Choice) UnmarshalJSON(data []byte) (err error) {
	type plain Choice
	c.Extra, err = split[json.RawMessage](data, (*plain)(c))
	return err
}

// UnmarshalJSON keeps what has no field in Extra.
func (u *Usage) UnmarshalJSON(data []byte) (err error) {
	type plain Usage
	u.Extra, err = split[json.RawMessage](data, (*plain)(u))
	if len(u.Extra) == 0 {
		return err
	}
	for name, field := range map[string]any{
		"input_tokens": &u.PromptTokens, "input_tokens_details": &u.PromptTokensDetails,
		"output_tokens": &u.CompletionTokens, "output_tokens_details": &u.CompletionTokensDetails,
	} {
		if value, found := u.Extra[name]; found && err == nil {
			err = json.Unmarshal(value, field)
		}
	}
	return err
}
