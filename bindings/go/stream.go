package llmrouter

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
)

// batch is how many chunks one crossing brings at most.
const batch = 64

// Stream is an answer that arrives in chunks. Read it with [Stream.Chunks]; one that is not read to its end must be
// ended by [Stream.Close] or by its context.
type Stream struct {
	*source
	ctx context.Context
	// unwatch forgets the context.
	unwatch func() bool
	// The router of a stream that is read is in use.
	router *Router

	// Whoever sets reading has what follows.
	reading atomic.Bool
	ended   bool
	failed  error
}

// source is what the context of a stream holds: a stream that nobody else has is freed.
type source struct {
	handle *C.router_stream_t
	uses   uses
	// Each read, as the opening before it, ends with one outcome.
	done chan outcome
	name cgo.Handle
	// The library's stream has ended. Belongs to the one that reads, then to the one that frees.
	over     bool
	metadata atomic.Pointer[json.RawMessage]
}

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
	if ctx.Err() != nil {
		return nil, localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the context had ended before the call").dueTo(ctx)
	}
	from := &source{uses: newUses(), done: make(chan outcome, 1)}
	from.name = cgo.NewHandle(from.done)
	how, err := r.await(ctx, from.done, func(text *C.char, length C.size_t) C.llmrouter_go_started_t {
		return C.llmrouter_go_open(r.handle, text, length, C.uintptr_t(from.name))
	}, request)
	if err == nil && how.failure != nil {
		err = failedWith(ctx, how.failure)
	}
	if err != nil {
		from.name.Delete()
		return nil, err
	}
	from.handle = how.stream
	from.note()
	stream := &Stream{source: from, ctx: ctx, router: r}
	stream.unwatch = context.AfterFunc(ctx, from.cancel)
	runtime.SetFinalizer(stream, func(stream *Stream) { go stream.Close() })
	return stream, nil
}

// Chunks are the chunks that are still to come, as soon as they come. If the stream breaks, one error is the last pair;
// a loop that ends without one has seen the whole answer. The error stays: a further loop has it again.
//
// Leaving the loop early ends the stream as [Stream.Close] does. A loop beside another one gets [ErrBusy].
func (s *Stream) Chunks() iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		switch {
		case bool(C.llmrouter_go_listening()):
			yield(Chunk{}, localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "a stream was read inside a log listener"))
			return
		case !s.reading.CompareAndSwap(false, true):
			yield(Chunk{}, localError(C.ROUTER_ERROR_BUSY, ErrBusy, "another loop reads the stream"))
			return
		}
		defer s.reading.Store(false)
		if !s.ended {
			// A break and a panic end the stream, too.
			defer s.Close()
			more, err := true, error(nil)
			for more && err == nil {
				var chunks []json.RawMessage
				if chunks, err = s.read(); err == nil {
					if chunks == nil {
						break
					}
					more, err = s.hand(chunks, yield)
				}
			}
			if !more {
				return
			}
			s.ended, s.failed = true, err
			// So that the metadata is whole.
			s.Close()
		}
		if s.failed != nil {
			yield(Chunk{}, s.failed)
		}
	}
}

// hand hands out chunks; false if no more are wanted.
func (s *Stream) hand(chunks []json.RawMessage, yield func(Chunk, error) bool) (bool, error) {
	for _, raw := range chunks {
		if s.ctx.Err() != nil {
			return true, s.cancelled()
		}
		chunk := Chunk{Raw: raw}
		if err := json.Unmarshal(raw, &chunk); err != nil {
			failed := localError(C.ROUTER_ERROR_API_RESPONSE, ErrAPIResponse, "a chunk can't be read: "+err.Error())
			failed.causes = []error{err}
			return true, failed
		}
		if !yield(chunk, nil) {
			return false, nil
		}
	}
	return true, nil
}

// cancelled is the error of a stream whose context ended before all was handed out.
func (s *Stream) cancelled() error {
	s.cancel()
	for {
		// The library's own error knows the attempts.
		if chunks, err := s.read(); err != nil {
			return err
		} else if chunks == nil {
			return localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the context ended").dueTo(s.ctx)
		}
	}
}

// read is the next chunks; none at the end.
func (s *Stream) read() ([]json.RawMessage, error) {
	defer runtime.KeepAlive(s)
	if !s.uses.enter() {
		failed := localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the stream is closed")
		if s.ctx.Err() != nil {
			failed = failed.dueTo(s.ctx)
		}
		return nil, failed
	}
	defer s.uses.leave()
	how, err := s.next()
	switch {
	case err != nil:
		return nil, err
	case how.failure != nil:
		return nil, failedWith(s.ctx, how.failure)
	case how.chunks == nil:
		return nil, nil
	}
	var chunks []json.RawMessage
	if err := json.Unmarshal(how.chunks, &chunks); err != nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the chunks are no JSON: "+err.Error())
	}
	return chunks, nil
}

// RawMetadata is what the router adds, as JSON; [Stream.Metadata] is the same, read.
func (s *Stream) RawMetadata() json.RawMessage { return *s.metadata.Load() }

// Metadata is what the router adds: who answers, after which attempts. Once the loop over the chunks has ended or Close
// has returned, it is whole, with the usage; before that it is what was known when the stream opened. Never nil.
func (s *Stream) Metadata() *Metadata {
	var metadata Metadata
	// What the library wrote is JSON of this shape.
	_ = json.Unmarshal(s.RawMetadata(), &metadata)
	return &metadata
}

// Close ends the stream, down to the provider's connection, and frees it. A loop over its chunks in another goroutine
// ends with [ErrCancelled]. Any goroutine may call it, any number of times; the first one waits. Inside a log listener it
// returns at once and the rest happens in the background. It never fails.
func (s *Stream) Close() error {
	if !s.uses.close() {
		return nil
	}
	runtime.SetFinalizer(s, nil)
	s.unwatch()
	if bool(C.llmrouter_go_listening()) {
		go s.free()
	} else {
		s.free()
	}
	return nil
}

// next reads once. The caller has entered, or frees.
func (s *source) next() (outcome, error) {
	var failed *C.router_error_t
	crossings <- struct{}{}
	accepted := bool(C.llmrouter_go_next(s.handle, batch, C.uintptr_t(s.name), &failed))
	<-crossings
	if !accepted {
		return outcome{}, takeError(failed)
	}
	how := <-s.done
	s.over = how.chunks == nil
	return how, nil
}

// cancel makes the stream end soon.
func (s *source) cancel() {
	if s.uses.enter() {
		s.stop()
		s.uses.leave()
	}
}

func (s *source) stop() {
	crossings <- struct{}{}
	C.router_stream_cancel(s.handle)
	<-crossings
}

// note copies the metadata as it is now.
func (s *source) note() {
	var length C.size_t
	text := C.router_stream_metadata(s.handle, &length)
	metadata := json.RawMessage(copyBytes(C.llmrouter_go_text_t{data: text, len: length}))
	s.metadata.Store(&metadata)
}

// free is for the one that closed the uses.
func (s *source) free() {
	s.stop()
	s.uses.wait()
	// At the end the metadata is whole. It comes soon, behind the chunks that had arrived.
	for !s.over {
		if _, err := s.next(); err != nil {
			break
		}
	}
	s.note()
	crossings <- struct{}{}
	C.router_stream_free(s.handle)
	<-crossings
	s.name.Delete()
}
