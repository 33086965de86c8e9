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

// reader is an open stream of any verb, read by one loop at a time.
type reader struct {
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

// open sends a request of the verb that path names, and waits for the first content of its stream.
func (r *Router) open(ctx context.Context, path string, request json.RawMessage) (*reader, error) {
	from := &source{uses: newUses(), done: make(chan outcome, 1)}
	from.name = cgo.NewHandle(from.done)
	begin := func(path *C.char, pathLength C.size_t, text *C.char, length C.size_t) C.llmrouter_go_started_t {
		return C.llmrouter_go_open(r.handle, path, pathLength, text, length, C.uintptr_t(from.name))
	}
	how, err := r.await(ctx, from.done, begin, path, request)
	if err != nil {
		from.name.Delete()
		return nil, err
	}
	from.handle = how.stream
	from.note()
	opened := &reader{source: from, ctx: ctx, router: r}
	opened.unwatch = context.AfterFunc(ctx, from.cancel)
	runtime.SetFinalizer(opened, func(opened *reader) { go opened.Close() })
	return opened, nil
}

// each are the pieces that are still to come, as parse reads them.
func each[T any](r *reader, parse func(json.RawMessage) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		switch {
		case bool(C.llmrouter_go_listening()):
			yield(none, localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "a stream was read inside a listener"))
			return
		case !r.reading.CompareAndSwap(false, true):
			yield(none, localError(C.ROUTER_ERROR_BUSY, ErrBusy, "another loop reads the stream"))
			return
		}
		defer r.reading.Store(false)
		if !r.ended {
			// A break and a panic end the stream, too.
			defer r.Close()
			more, err := r.hand(func(raw json.RawMessage) (bool, error) {
				piece, err := parse(raw)
				return err == nil && yield(piece, nil), err
			})
			if !more {
				return
			}
			r.ended, r.failed = true, err
			// So that the metadata is whole.
			r.Close()
		}
		if r.failed != nil {
			yield(none, r.failed)
		}
	}
}

// hand hands out all that comes; false if no more is wanted, and nothing is wrong.
func (r *reader) hand(out func(json.RawMessage) (bool, error)) (bool, error) {
	for {
		chunks, err := r.read()
		if err != nil || chunks == nil {
			return true, err
		}
		for _, raw := range chunks {
			if r.ctx.Err() != nil {
				return true, r.cancelled()
			}
			if wanted, err := out(raw); err != nil {
				return true, err
			} else if !wanted {
				return false, nil
			}
		}
	}
}

// cancelled is the error of a stream whose context ended before all was handed out.
func (r *reader) cancelled() error {
	r.cancel()
	for {
		// The library's own error knows the attempts.
		if chunks, err := r.read(); err != nil {
			return err
		} else if chunks == nil {
			return localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the context ended").dueTo(r.ctx)
		}
	}
}

// read is the next chunks; none at the end.
func (r *reader) read() ([]json.RawMessage, error) {
	defer runtime.KeepAlive(r)
	if !r.uses.enter() {
		failed := localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the stream is closed")
		if r.ctx.Err() != nil {
			failed = failed.dueTo(r.ctx)
		}
		return nil, failed
	}
	defer r.uses.leave()
	how, err := r.next()
	switch {
	case err != nil:
		return nil, err
	case how.failure != nil:
		return nil, failedWith(r.ctx, how.failure)
	case how.chunks == nil:
		return nil, nil
	}
	var chunks []json.RawMessage
	if err := json.Unmarshal(how.chunks, &chunks); err != nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the chunks are no JSON: "+err.Error())
	}
	return chunks, nil
}

// RawMetadata is what the router adds, as JSON; Metadata is the same, read.
func (r *reader) RawMetadata() json.RawMessage { return *r.metadata.Load() }

// Metadata is what the router adds: who answers, after which attempts. Once the loop over the stream has ended or Close
// has returned, it is whole, with the usage; before that it is what was known when the stream opened. Never nil.
func (r *reader) Metadata() *Metadata {
	var metadata Metadata
	// What the library wrote is JSON of this shape.
	_ = json.Unmarshal(r.RawMetadata(), &metadata)
	return &metadata
}

// Close ends the stream, down to the provider's connection, and frees it. A loop over it in another goroutine
// ends with [ErrCancelled]. Any goroutine may call it, any number of times; the first one waits. Inside a listener it
// returns at once and the rest happens in the background. It never fails.
func (r *reader) Close() error {
	if !r.uses.close() {
		return nil
	}
	runtime.SetFinalizer(r, nil)
	r.unwatch()
	if bool(C.llmrouter_go_listening()) {
		go r.free()
	} else {
		r.free()
	}
	return nil
}
