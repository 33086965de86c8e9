package llmrouter

import (
	"encoding/json"
	"errors"
	"sync"
)

// Answer is what a call of any verb brought.
type Answer struct {
	// Body is the answer in OpenAI's shape, byte for byte what a provider that speaks it sent: JSON, or what
	// [Answer.ContentType] says.
	Body []byte
	// RawMetadata is what the router adds, as JSON; [Answer.Metadata] is the same, read.
	RawMetadata json.RawMessage

	text string

	readMetadata sync.Once
	metadata     Metadata
}

// parts are those of an answer, copied out of the library.
type parts struct {
	body, metadata []byte
	text           string
}

func (p *parts) answer() Answer {
	return Answer{Body: p.body, RawMetadata: p.metadata, text: p.text}
}

// Text is what the answer says: the first choice's text, the parts of one in parts joined, the text of a response's
// messages, a transcript. It is "" if the answer has none, as with a tool call, an embedding or sound.
func (a *Answer) Text() string { return a.text }

// Metadata is what the router adds: who answered, after which attempts, for how much. Read once; never nil.
func (a *Answer) Metadata() *Metadata {
	a.readMetadata.Do(func() {
		// What the library wrote is JSON of this shape.
		_ = json.Unmarshal(a.RawMetadata, &a.metadata)
	})
	return &a.metadata
}

// ContentType says what Body is: "application/json", or of sound and plain transcripts what the provider said, such as
// "audio/mpeg".
func (a *Answer) ContentType() string {
	if kind := a.Metadata().ContentType; kind != "" {
		return kind
	}
	return "application/json"
}

// Decode reads a JSON answer into value, as [json.Unmarshal] does.
func (a *Answer) Decode(value any) error {
	if kind := a.Metadata().ContentType; kind != "" {
		return errors.New("llmrouter: the answer is no JSON but " + kind)
	}
	return json.Unmarshal(a.Body, value)
}
