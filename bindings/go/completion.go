package llmrouter

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
)

const chatPath = "/chat/completions"

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

// CompletionRaw is [Router.Completion] for a request that is JSON already. It is read before this returns and goes to
// the provider as it is, but for the members that are for the router.
func (r *Router) CompletionRaw(ctx context.Context, request json.RawMessage) (*Response, error) {
	came, err := r.ask(ctx, chatPath, request)
	if err != nil {
		return nil, err
	}
	return &Response{Answer: came.answer()}, nil
}

// encodeRequest renders a request; one that is JSON already stays as it is.
func encodeRequest(request any) (json.RawMessage, error) {
	switch request := request.(type) {
	case json.RawMessage:
		return request, nil
	case []byte:
		// No request is a text in Base64.
		return request, nil
	}
	text, err := encode(request)
	if err != nil {
		refused := localError(C.ROUTER_ERROR_INVALID_ARGUMENT, ErrInvalidArgument, "the request is no JSON: "+err.Error())
		refused.causes = []error{err}
		return nil, refused
	}
	return text, nil
}
