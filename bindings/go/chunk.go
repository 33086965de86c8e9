package llmrouter

import "encoding/json"

// Chunk is one piece of a streamed answer, in OpenAI's shape.
type Chunk struct {
	ID                string        `json:"id"`
	Object            string        `json:"object"`
	Created           int64         `json:"created"` // Unix seconds.
	Model             string        `json:"model"`   // As the provider names it.
	SystemFingerprint string        `json:"system_fingerprint"`
	Choices           []ChunkChoice `json:"choices"` // Empty in one that has the usage only.
	// Usage is nil in all but the last chunk, and there too unless the request asked for it by its [StreamOptions].
	// [Metadata] always has it.
	Usage *Usage `json:"usage"`
	// Raw is the chunk as it came, with the members that have no field here.
	Raw json.RawMessage `json:"-"`
}

// ChunkChoice is what a chunk adds to one of the answers.
type ChunkChoice struct {
	Index        int             `json:"index"`
	Delta        Delta           `json:"delta"`
	FinishReason string          `json:"finish_reason"` // Empty until the answer is complete.
	LogProbs     json.RawMessage `json:"logprobs"`
}

// Delta is what is added to a message; what is empty adds nothing.
type Delta struct {
	Role             string          `json:"role"`
	Content          string          `json:"content"` // Of one in parts, the texts of these.
	ReasoningContent string          `json:"reasoning_content"`
	Refusal          string          `json:"refusal"`
	ToolCalls        []ToolCallDelta `json:"tool_calls"`
}

// UnmarshalJSON reads a content that is a text, or parts.
func (d *Delta) UnmarshalJSON(data []byte) error {
	type plain Delta
	whole := struct {
		*plain
		Content *Content `json:"content"`
	}{plain: (*plain)(d)}
	err := json.Unmarshal(data, &whole)
	d.Content = whole.Content.String()
	return err
}

// ToolCallDelta is a piece of the tool call with this index. ID, Type and the function's name come with its first piece;
// the arguments of all pieces, joined, are JSON.
type ToolCallDelta struct {
	Index    int          `json:"index"`
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function FunctionCall `json:"function"`
}

// Text is what the chunk adds to the first answer's text.
func (c Chunk) Text() string {
	for _, choice := range c.Choices {
		if choice.Index == 0 {
			return choice.Delta.Content
		}
	}
	return ""
}
