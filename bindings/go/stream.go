package llmrouter

import (
	"context"
	"encoding/json"
	"iter"
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
