package llmrouter

// #include "shim.h"
import "C"

import (
	"math"
	"runtime"
	"time"
)

// Router is a configuration with its deployments, connections and threads. Any number of goroutines may use one.
// Make it with [NewFromYAML] or [NewFromFile], end it with [Router.Close].
type Router struct {
	handle   *C.router_t
	uses     uses
	listener eventListener
}

// NewFromYAML makes a router from YAML (or JSON) text. It fails with [ErrConfig] if that can't be used; the message
// names path, line and column.
func NewFromYAML(yaml string) (*Router, error) {
	return open(yaml, func(text *C.char, length C.size_t, failed **C.router_error_t) *C.router_t {
		return C.router_new_from_yaml(text, length, failed)
	})
}

// NewFromFile makes a router from the file at path. It fails as [NewFromYAML] does.
func NewFromFile(path string) (*Router, error) {
	return open(path, func(text *C.char, length C.size_t, failed **C.router_error_t) *C.router_t {
		return C.router_new_from_file(text, length, failed)
	})
}

func open(from string, make func(*C.char, C.size_t, **C.router_error_t) *C.router_t) (*Router, error) {
	if mismatch != nil {
		return nil, mismatch
	}
	var failed *C.router_error_t
	text, length := pointer(from)
	handle := make(text, length, &failed)
	if handle == nil {
		return nil, takeError(failed)
	}
	return adopt(handle), nil
}

// adopt owns the handle. The finalizer is a net for a router that nobody closed.
func adopt(handle *C.router_t) *Router {
	router := &Router{handle: handle, uses: newUses()}
	runtime.SetFinalizer(router, func(router *Router) { go router.Close() })
	return router
}

// Shutdown refuses new calls with [ErrShutDown] and waits up to drain for those in flight. True if all of them
// ended; what is left keeps running until [Router.Close]. False at once inside a listener.
func (r *Router) Shutdown(drain time.Duration) bool {
	if !r.uses.enter() {
		return true
	}
	defer runtime.KeepAlive(r)
	defer r.uses.leave()
	// Rounded up: a drain of a microsecond is not none.
	whole := drain.Milliseconds()
	if drain%time.Millisecond > 0 {
		whole++
	}
	return bool(C.router_shutdown(r.handle, C.uint32_t(min(max(whole, 0), math.MaxUint32))))
}

// Close ends what runs with [ErrShutDown], waits until that is done, and frees everything. Calls made later fail
// with [ErrShutDown]. Any goroutine may call it, any number of times; the first one waits. Inside a listener it
// returns at once and the rest happens in the background. It never fails.
//
// A [Router.Shutdown] that still waits is waited for.
func (r *Router) Close() error {
	if !r.uses.close() {
		return nil
	}
	runtime.SetFinalizer(r, nil)
	if bool(C.llmrouter_go_listening()) {
		go r.free()
	} else {
		r.free()
	}
	return nil
}

func (r *Router) free() {
	r.uses.wait()
	C.router_free(r.handle)
	// It has heard the last event.
	r.listener.replace(0)
}
