package llmrouter

import (
	"bytes"
	"encoding/json"
)

// Message is one message of a chat, in a request or in an answer. An answer's message can be sent back as it is.
type Message struct {
	Role string `json:"role"` // "system", "developer", "user", "assistant" or "tool".
	// Content is nil where there is none, as beside tool calls.
	Content    *Content   `json:"content"`
	Name       string     `json:"name,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"` // The call that a message of the role "tool" answers.
	Refusal    string     `json:"refusal,omitempty"`
	// Extra are members without a field; those of an answer are of the type json.RawMessage.
	Extra map[string]any `json:"-"`
}

// System is a message that instructs the model.
func System(text string) Message { return Message{Role: "system", Content: Text(text)} }

// User is a message of one text.
func User(text string) Message { return Message{Role: "user", Content: Text(text)} }

// UserParts is a message of several parts, such as a text and an image.
func UserParts(parts ...Part) Message { return Message{Role: "user", Content: &Content{Parts: parts}} }

// Assistant is a message of the model.
func Assistant(text string) Message { return Message{Role: "assistant", Content: Text(text)} }

// ToolResult answers the tool call with this id.
func ToolResult(callID, text string) Message {
	return Message{Role: "tool", ToolCallID: callID, Content: Text(text)}
}

// MarshalJSON renders the message with its Extra.
func (m Message) MarshalJSON() ([]byte, error) {
	type plain Message
	return join(plain(m), m.Extra)
}

// UnmarshalJSON keeps what has no field in Extra.
func (m *Message) UnmarshalJSON(data []byte) (err error) {
	type plain Message
	m.Extra, err = split[any](data, (*plain)(m))
	return err
}

// Content is one text, or parts.
type Content struct {
	Text  string
	Parts []Part // If not nil, these are the content.
}

// Text is a content of one text.
func Text(text string) *Content { return &Content{Text: text} }

// String is the text, or those of all parts joined. It is "" for nil.
func (c *Content) String() string {
	if c == nil {
		return ""
	}
	all := c.Text
	if c.Parts != nil {
		all = ""
	}
	for _, part := range c.Parts {
		if part.Text != nil {
			all += *part.Text
		}
	}
	return all
}

// MarshalJSON renders a text or a list.
func (c Content) MarshalJSON() ([]byte, error) {
	if c.Parts != nil {
		return encode(c.Parts)
	}
	return encode(c.Text)
}

// UnmarshalJSON reads a text or a list.
func (c *Content) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, &c.Parts)
	}
	return json.Unmarshal(data, &c.Text)
}

// Part is one part of a content.
type Part struct {
	Type       string      `json:"type"` // "text", "image_url", "input_audio", …
	Text       *string     `json:"text,omitempty"`
	ImageURL   *ImageURL   `json:"image_url,omitempty"`
	InputAudio *InputAudio `json:"input_audio,omitempty"`
	// Extra are members without a field; those of an answer are of the type json.RawMessage.
	Extra map[string]any `json:"-"`
}

// ImageURL is an image at an address, or in a data: URL.
type ImageURL struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"` // "auto", "low" or "high".
}

// InputAudio is sound, in Base64.
type InputAudio struct {
	Data   string `json:"data"`
	Format string `json:"format"` // "wav" or "mp3".
}

// TextPart is a text among other parts.
func TextPart(text string) Part { return Part{Type: "text", Text: &text} }

// ImagePart is an image at an address, or in a data: URL.
func ImagePart(url string) Part { return Part{Type: "image_url", ImageURL: &ImageURL{URL: url}} }

// MarshalJSON renders the part with its Extra.
func (p Part) MarshalJSON() ([]byte, error) {
	type plain Part
	return join(plain(p), p.Extra)
}

// UnmarshalJSON keeps what has no field in Extra.
func (p *Part) UnmarshalJSON(data []byte) (err error) {
	type plain Part
	p.Extra, err = split[any](data, (*plain)(p))
	return err
}

// ToolCall is a call that the model asks for.
type ToolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"` // "function"; one of another type is in Extra.
	Function FunctionCall `json:"function"`
	// Extra are members without a field; those of an answer are of the type json.RawMessage.
	Extra map[string]any `json:"-"`
}

// FunctionCall names a function and its arguments, which are JSON as the model wrote it: it may be wrong.
type FunctionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// MarshalJSON renders the tool call with its Extra; one of another type than "function" without a function.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	if c.Type != "" && c.Type != "function" && c.Function == (FunctionCall{}) {
		return join(struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		}{c.ID, c.Type}, c.Extra)
	}
	type plain ToolCall
	return join(plain(c), c.Extra)
}

// UnmarshalJSON keeps what has no field in Extra.
func (c *ToolCall) UnmarshalJSON(data []byte) (err error) {
	type plain ToolCall
	c.Extra, err = split[any](data, (*plain)(c))
	return err
}
