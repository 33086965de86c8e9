package llmrouter

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// class is a kind of failure, to compare with by errors.Is.
type class string

func (c class) Error() string { return "llmrouter: " + string(c) }

// The classes of failures. Every [*Error] is of one: errors.Is(err, llmrouter.ErrRateLimit).
const (
	ErrInvalidArgument        = class("InvalidArgumentError")       // The request is no JSON object. Nothing was sent.
	ErrConfig                 = class("ConfigError")                // The configuration can't be used.
	ErrCancelled              = class("CancelledError")             // The call's context ended.
	ErrShutDown               = class("ShutDownError")              // The router was closed, or is shutting down.
	ErrForked                 = class("ForkedError")                // The router was made in the process this one was forked from.
	ErrInternal               = class("InternalError")              // A fault of the library. The router stays usable.
	ErrInCallback             = class("InCallbackError")            // A call that waits was made inside a listener.
	ErrBusy                   = class("BusyError")                  // Another read of the stream is not finished.
	ErrBadRequest             = class("BadRequestError")            // 400, 413, 424, or refused by the router itself.
	ErrAuthentication         = class("AuthenticationError")        // 401.
	ErrPermissionDenied       = class("PermissionDeniedError")      // 403.
	ErrNotFound               = class("NotFoundError")              // 404.
	ErrTimeout                = class("Timeout")                    // 408, 504, or no answer in time.
	ErrUnprocessableEntity    = class("UnprocessableEntityError")   // 422.
	ErrRateLimit              = class("RateLimitError")             // 429.
	ErrInternalServer         = class("InternalServerError")        // 500, 529.
	ErrBadGateway             = class("BadGatewayError")            // 502.
	ErrServiceUnavailable     = class("ServiceUnavailableError")    // 503.
	ErrAPI                    = class("APIError")                   // Any other status from 400 to 599.
	ErrAPIConnection          = class("APIConnectionError")         // Name resolution, TCP, TLS or a reset connection.
	ErrAPIResponse            = class("APIResponseValidationError") // The provider's answer can't be read.
	ErrStreamTruncated        = class("StreamTruncatedError")       // The stream ended without its terminator.
	ErrContextWindowExceeded  = class("ContextWindowExceededError") // The messages are too long for the model.
	ErrContentPolicyViolation = class("ContentPolicyViolationError")
	ErrNoDeploymentAvailable  = class("RouterRateLimitError") // Every candidate is cooling down or full.
	ErrBudgetExceeded         = class("BudgetExceededError")
)

// Error says why a call failed. Get it with errors.As; ask for its class with errors.Is.
type Error struct {
	// Class is LiteLLM's exception class, such as "RateLimitError". It may be a narrower one than those that this
	// package names; errors.Is then holds for the one it belongs to.
	Class string
	// Code is the library's number for it: the HTTP status from 400 to 599, else a router_error_code_t.
	Code int
	// Status is the HTTP status that fits, the provider's own or the one a proxy would answer with. 0 if none does.
	Status int
	// Message is for people. It never holds a secret.
	Message string
	// Provider, Model (the provider's name of it) and Deployment (its id) say who failed; empty if nobody was asked.
	Provider, Model, Deployment string
	// Param is the member of the request that was wrong, if one was.
	Param string
	// ProviderCode is the provider's own code, such as "context_length_exceeded"; empty if it gave none.
	ProviderCode string
	// Retryable says whether the same request may succeed later.
	Retryable bool
	// RetryAfter is how long to wait before that; negative if unknown.
	RetryAfter time.Duration
	// Attempts are all that were made, in order.
	Attempts []Attempt
	// Raw is the library's error object, as JSON; nil if the failure did not reach the library.
	Raw json.RawMessage

	// name is the class that the code belongs to.
	name   class
	causes []error
}

// Error is the class and the message.
func (e *Error) Error() string { return "llmrouter: " + e.Class + ": " + e.Message }

// Is says whether target is the class of this error.
func (e *Error) Is(target error) bool {
	named, ok := target.(class)
	return ok && (named == e.name || string(named) == e.Class)
}

// Unwrap returns what a cancelled call's context says: its Err and, where it differs, its Cause.
func (e *Error) Unwrap() []error { return e.causes }

// dueTo adds why the context ended.
func (e *Error) dueTo(ctx context.Context) *Error {
	e.causes = []error{ctx.Err()}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		e.causes = append(e.causes, cause)
	}
	return e
}

// localError is a failure that did not reach the library.
func localError(code C.int32_t, name class, message string) *Error {
	return &Error{Class: string(name), Code: int(code), Message: message, RetryAfter: -1, name: name}
}

func newError(failed *failure) *Error {
	var object struct {
		Error struct {
			Type, Message, Provider, Model, Deployment, Param, Code string
			Status                                                  int
			Retryable                                               bool
			Attempts                                                []Attempt
		}
	}
	// What the library wrote is JSON of this shape.
	_ = json.Unmarshal(failed.json, &object)
	e := object.Error
	wait := time.Duration(-1)
	if failed.retryAfterMS >= 0 {
		wait = time.Duration(min(failed.retryAfterMS, maxMilliseconds)) * time.Millisecond
	}
	return &Error{
		Class: e.Type, Code: failed.code, Status: e.Status, Message: e.Message,
		Provider: e.Provider, Model: e.Model, Deployment: e.Deployment, Param: e.Param, ProviderCode: e.Code,
		Retryable: e.Retryable, RetryAfter: wait, Attempts: e.Attempts, Raw: failed.json,
		name: class(failed.name),
	}
}

// maxMilliseconds is the longest duration of Go's.
const maxMilliseconds = int64(1<<63-1) / int64(time.Millisecond)
