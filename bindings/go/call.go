package llmrouter

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

// ask sends a request of the verb that path names, and waits for the whole answer.
func (r *Router) ask(ctx context.Context, path string, request json.RawMessage) (*parts, error) {
	done := make(chan outcome, 1)
	handle := cgo.NewHandle(done)
	defer handle.Delete()
	begin := func(path *C.char, pathLength C.size_t, text *C.char, length C.size_t) C.llmrouter_go_started_t {
		return C.llmrouter_go_start(r.handle, path, pathLength, text, length, C.uintptr_t(handle))
	}
	how, err := r.await(ctx, done, begin, path, request)
	return how.parts, err
}

// starting hands a request to the library.
type starting func(path *C.char, pathLength C.size_t, text *C.char, length C.size_t) C.llmrouter_go_started_t

// await starts a call and waits for its outcome; afterwards the library does not use the channel.
func (r *Router) await(
	ctx context.Context, done chan outcome, begin starting, path string, request json.RawMessage,
) (outcome, error) {
	if ctx.Err() != nil {
		return outcome{}, localError(C.ROUTER_ERROR_CANCELLED, ErrCancelled, "the context had ended before the call").dueTo(ctx)
	}
	call, err := r.start(begin, path, request)
	if err != nil {
		return outcome{}, err
	}
	var how outcome
	select {
	case how = <-done:
	case <-ctx.Done():
		r.cancel(call)
		// The outcome still comes, and soon: until then the library has the channel.
		how = <-done
	}
	if how.failure != nil {
		return outcome{}, failedWith(ctx, how.failure)
	}
	return how, nil
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
func (r *Router) start(begin starting, path string, request json.RawMessage) (C.uint64_t, error) {
	if !r.cross() {
		return 0, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	where, pathLength := pointer(path)
	started := begin(where, pathLength, (*C.char)(unsafe.Pointer(unsafe.SliceData(request))), C.size_t(len(request)))
	switch {
	case bool(started.accepted):
		return started.call, nil
	case started.error != nil:
		return 0, takeError(started.error)
	default:
		return 0, localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "a call that waits was made inside a listener")
	}
}

func (r *Router) cancel(call C.uint64_t) {
	// A router that is closed has ended the call, or will.
	if r.cross() {
		C.router_cancel(r.handle, call)
		r.uncross()
	}
}
