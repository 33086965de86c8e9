package llmrouter

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
)

// Stream is an answer that arrives in chunks. Read it with [Stream.Chunks]; one that is not read to its end must be
// ended by [Stream.Close] or by its context.
type Stream struct{ *reader }

// Stream sends a chat completion whose answer comes in chunks, and waits for its first content, without a thread: until
// then others are asked when a deployment fails, and nothing is seen of that. Every error of it is an [*Error].
//
// When ctx ends, now or later, the stream is cancelled, down to the provider's connection. The error is then
// [ErrCancelled] and ctx.Err() both. A context that has already ended sends nothing.
func (r *Router) Stream(ctx context.Context, request ChatRequest) (*Stream, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	return r.StreamRaw(ctx, text)
}

// StreamRaw is [Router.Stream] for a request that is JSON already, as [Router.CompletionRaw] takes it. It need not have
// "stream": true.
func (r *Router) StreamRaw(ctx context.Context, request json.RawMessage) (*Stream, error) {
	opened, err := r.open(ctx, chatPath, request)
	if err != nil {
		return nil, err
	}
	return &Stream{opened}, nil
}

// Chunks are the chunks that are still to come, as soon as they come. If the stream breaks, one error is the last pair;
// a loop that ends without one has seen the whole answer. The error stays: a further loop has it again.
//
// Leaving the loop early ends the stream as [Stream.Close] does. A loop beside another one gets [ErrBusy].
func (s *Stream) Chunks() iter.Seq2[Chunk, error] { return each(s.reader, readChunk) }

func readChunk(raw json.RawMessage) (Chunk, error) {
	chunk := Chunk{Raw: raw}
	if err := json.Unmarshal(raw, &chunk); err != nil {
		return Chunk{}, unreadable("a chunk can't be read", err)
	}
	return chunk, nil
}

// Text reads the stream to its end and returns the first answer's text; with an error, what came of it.
func (s *Stream) Text() (string, error) {
	var text strings.Builder
	for chunk, err := range s.Chunks() {
		if err != nil {
			return text.String(), err
		}
		text.WriteString(chunk.Text())
	}
	return text.String(), nil
}

// Message reads the stream to its end and returns the first answer as one message, which can be sent back as it is:
// tool calls put together, what the model reasoned in its Extra, as "reasoning_content". With an error it is what came;
// the errors are those of [Stream.Chunks] and of [Accumulator.Message].
//
// Of what a loop has read before, it knows nothing: that is for an [Accumulator].
func (s *Stream) Message() (Message, error) {
	whole, failed := s.gather()
	message, err := whole.Message()
	if failed != nil {
		return message, failed
	}
	return message, err
}

// Response reads the stream to its end and returns the whole answer, every choice of it, as [Router.Completion] would
// have brought it:
//
//	answer, err := stream.Response()
//	completion, err := answer.Completion() // completion.Choices[1].Message, .FinishReason; completion.Usage
//
// Its body has the usage if the provider counted, asked for or not; what was estimated is in the metadata alone. With an
// error, one of [Stream.Chunks], it is what came; never nil. Of what a loop has read before, it knows nothing: that is
// for an [Accumulator].
func (s *Stream) Response() (*Response, error) {
	whole, failed := s.gather()
	metadata := s.RawMetadata()
	if whole.usage == nil {
		whole.usage = counted(metadata)
	}
	return &Response{Answer: Answer{Body: whole.Body(), RawMetadata: metadata, text: whole.Text()}}, failed
}

// gather reads the stream to its end; with an error, what came is there too.
func (s *Stream) gather() (*Accumulator, error) {
	whole := new(Accumulator)
	for chunk, err := range s.Chunks() {
		if err != nil {
			return whole, err
		}
		whole.Add(chunk)
	}
	return whole, nil
}

// counted is the usage in a metadata; nil if there is none, or an estimated one.
func counted(metadata json.RawMessage) *merged {
	var known struct {
		Usage          json.RawMessage `json:"usage"`
		UsageEstimated bool            `json:"usage_estimated"`
	}
	// What the library wrote is JSON of this shape.
	_ = json.Unmarshal(metadata, &known)
	if known.UsageEstimated || len(known.Usage) == 0 || string(known.Usage) == "null" {
		return nil
	}
	return parse(known.Usage, mostDepth)
}
