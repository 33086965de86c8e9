package llmrouter

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

// Completion sends a chat completion and waits for the answer, without a thread. Every error of it is an [*Error].
//
// When ctx ends, the call is cancelled, and the error is [ErrCancelled] and ctx.Err() both. A context that has
// already ended sends nothing. An answer that came first wins.
func (r *Router) Completion(ctx context.Context, request ChatRequest) (*Response, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	return r.CompletionRaw(ctx, text)
}

func encodeRequest(request ChatRequest) (json.RawMessage, error) {
	text, err := encode(request)
	if err != nil {
		refused := localError(C.ROUTER_ERROR_INVALID_ARGUMENT, ErrInvalidArgument, "the request is no JSON: "+err.Error())
		refused.causes = []error{err}
		return nil, refused
	}
	return text, nil
}

// CompletionRaw is [Router.Completion] for a request that is JSON already. It is read before this returns and goes to
// the provider as it is, but for the members that are for the router.
func (r *Router) CompletionRaw(ctx context.Context, request json.RawMessage) (*Response, error) {
	if ctx.Err() != nil {
		return nil, localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the context had ended before the call").dueTo(ctx)
	}
	done := make(chan outcome, 1)
	handle := cgo.NewHandle(done)
	defer handle.Delete()
	how, err := r.await(ctx, done, func(text *C.char, length C.size_t) C.llmrouter_go_started_t {
		return C.llmrouter_go_start(r.handle, text, length, C.uintptr_t(handle))
	}, request)
	if err != nil {
		return nil, err
	}
	if how.failure != nil {
		return nil, failedWith(ctx, how.failure)
	}
	return how.response, nil
}

// starting hands a request to the library.
type starting func(text *C.char, length C.size_t) C.llmrouter_go_started_t

// await starts a call and waits for its outcome. After an error the library will not use the channel.
func (r *Router) await(ctx context.Context, done chan outcome, begin starting, request json.RawMessage) (outcome, error) {
	call, err := r.start(begin, request)
	if err != nil {
		return outcome{}, err
	}
	select {
	case how := <-done:
		return how, nil
	case <-ctx.Done():
		r.cancel(call)
		// The outcome still comes, and soon: until then the library has the channel.
		return <-done, nil
	}
}

// failedWith is the error of a call with this context.
func failedWith(ctx context.Context, how *failure) *Error {
	failed := newError(how)
	if failed.Code == C.ROUTER_ERROR_CANCELLED && ctx.Err() != nil {
		failed = failed.dueTo(ctx)
	}
	return failed
}

// start returns the number of the call.
func (r *Router) start(begin starting, request json.RawMessage) (C.uint64_t, error) {
	if !r.cross() {
		return 0, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	started := begin((*C.char)(unsafe.Pointer(unsafe.SliceData(request))), C.size_t(len(request)))
	switch {
	case bool(started.accepted):
		return started.call, nil
	case started.error != nil:
		return 0, takeError(started.error)
	default:
		return 0, localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "a call that waits was made inside a log listener")
	}
}

func (r *Router) cancel(call C.uint64_t) {
	// A router that is closed has ended the call, or will.
	if r.cross() {
		C.router_cancel(r.handle, call)
		r.uncross()
	}
}
