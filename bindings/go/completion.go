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
	call, err := r.start(request, handle)
	if err != nil {
		return nil, err
	}

	var how outcome
	select {
	case how = <-done:
	case <-ctx.Done():
		r.cancel(call)
		// The outcome still comes, and soon: until then the library has the handle.
		how = <-done
	}
	if how.failure == nil {
		return how.response, nil
	}
	failed := newError(how.failure)
	if failed.Code == C.ROUTER_ERROR_CANCELLED {
		failed = failed.dueTo(ctx)
	}
	return nil, failed
}

// start returns the number of the call. After an error the library will not use the handle.
func (r *Router) start(request json.RawMessage, handle cgo.Handle) (C.uint64_t, error) {
	if !r.cross() {
		return 0, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	text := (*C.char)(unsafe.Pointer(unsafe.SliceData(request)))
	started := C.llmrouter_go_start(r.handle, text, C.size_t(len(request)), C.uintptr_t(handle))
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
