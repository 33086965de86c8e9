package llmrouter

import (
	"encoding/json"
	"sync"
)

// Response is the answer to a call.
type Response struct {
	// Body is the answer in OpenAI's shape, byte for byte what a provider that speaks it sent.
	Body json.RawMessage
	// RawMetadata is what the router adds, as JSON; [Response.Metadata] is the same, read.
	RawMetadata json.RawMessage

	text string

	readCompletion sync.Once
	completion     *ChatCompletion
	unreadable     error

	readMetadata sync.Once
	metadata     Metadata
}

// Text is the first choice's text, the parts of one in parts joined; "" if the answer has none, as with a tool call.
func (r *Response) Text() string { return r.text }

// Completion reads the body. It fails if a member is not of the type that OpenAI gives it; Body then still has it.
// Read once; every call returns the same object.
func (r *Response) Completion() (*ChatCompletion, error) {
	r.readCompletion.Do(func() {
		var completion ChatCompletion
		if r.unreadable = json.Unmarshal(r.Body, &completion); r.unreadable == nil {
			r.completion = &completion
		}
	})
	return r.completion, r.unreadable
}

// Metadata is what the router adds: who answered, after which attempts, for how much. Read once; never nil.
func (r *Response) Metadata() *Metadata {
	r.readMetadata.Do(func() {
		// What the library wrote is JSON of this shape.
		_ = json.Unmarshal(r.RawMetadata, &r.metadata)
	})
	return &r.metadata
}
