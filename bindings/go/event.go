package llmrouter

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
)

// Event is one piece of a streamed answer of any verb: an event of "/responses", a chunk of "/completions".
type Event struct {
	// Type is an event's, such as "response.output_text.delta"; empty for a chunk.
	Type string
	// Raw is the whole of it, as it came.
	Raw json.RawMessage

	text string
}

// Text is what it adds to the answer's text, of several choices to the first one's.
func (e Event) Text() string { return e.text }

// Decode reads it into value, as [json.Unmarshal] does.
func (e Event) Decode(value any) error { return json.Unmarshal(e.Raw, value) }

// EventStream is an answer of any verb that arrives in events. Read it with [EventStream.Events]; one that is not read
// to its end must be ended by [EventStream.Close] or by its context.
type EventStream struct{ *reader }

// RequestStream sends a request as [Router.Request] does, whose answer comes as a stream, under the rules of
// [Router.Stream]. The paths are "/responses", "/completions" and "/chat/completions"; another one is [ErrBadRequest]
// if it is known. The request need not have "stream": true.
func (r *Router) RequestStream(ctx context.Context, path string, request any) (*EventStream, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	opened, err := r.open(ctx, path, text)
	if err != nil {
		return nil, err
	}
	return &EventStream{opened}, nil
}

// Events are the events that are still to come, under the rules of [Stream.Chunks].
func (s *EventStream) Events() iter.Seq2[Event, error] { return each(s.reader, readEvent) }

// Text reads the stream to its end and returns the answer's text; with an error, what came of it.
func (s *EventStream) Text() (string, error) {
	var text strings.Builder
	for event, err := range s.Events() {
		if err != nil {
			return text.String(), err
		}
		text.WriteString(event.Text())
	}
	return text.String(), nil
}

func readEvent(raw json.RawMessage) (Event, error) {
	var outline struct {
		Type    string
		Delta   json.RawMessage
		Choices []struct {
			Index int
			Text  string
			Delta struct{ Content string }
		}
	}
	// What is not of OpenAI's types says nothing here; the program has it in Raw.
	_ = json.Unmarshal(raw, &outline)
	event := Event{Type: outline.Type, Raw: raw}
	if outline.Type == "response.output_text.delta" {
		_ = json.Unmarshal(outline.Delta, &event.text)
	}
	for _, choice := range outline.Choices {
		if choice.Index == 0 {
			event.text += choice.Text + choice.Delta.Content
		}
	}
	return event, nil
}
