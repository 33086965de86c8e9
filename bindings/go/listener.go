package llmrouter

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"runtime"
	"runtime/cgo"
	"sync"
)

// eventListener is who hears a router's events. One change at a time.
type eventListener struct {
	sync.Mutex
	handle cgo.Handle
}

// SetEventListener has listen hear each attempt and each call of this router that ends from now on, once; nil turns it
// off. On return the listener set before is not running and will not be called again.
//
// The events come one after the other on one thread of the library, which no call waits for: of a slow listener's
// events the oldest are lost. The listener must not panic. A call made inside it fails with [ErrInCallback], and so does
// SetEventListener. [Router.Close] lets it hear what has ended, for about a second. It fails with [ErrShutDown] after
// [Router.Close].
func (r *Router) SetEventListener(listen func(RouterEvent)) error {
	// Asked first: whoever holds the lock may be waiting for this listener to end.
	if bool(C.llmrouter_go_listening()) {
		return localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "the event listener was set inside a listener")
	}
	if !r.uses.enter() {
		return localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer runtime.KeepAlive(r)
	defer r.uses.leave()
	r.listener.Lock()
	defer r.listener.Unlock()

	var next cgo.Handle
	if listen != nil {
		next = cgo.NewHandle(listen)
	}
	if !bool(C.llmrouter_go_listen_to_events(r.handle, C.uintptr_t(next))) {
		if next != 0 {
			next.Delete()
		}
		return localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the library refused the event listener")
	}
	r.listener.replace(next)
	return nil
}

// replace lets go of the listener before, which is not running any more.
func (l *eventListener) replace(next cgo.Handle) {
	if l.handle != 0 {
		l.handle.Delete()
	}
	l.handle = next
}

//export llmrouterGoEnded
func llmrouterGoEnded(handle C.uintptr_t, level C.int32_t, event *C.llmrouter_go_text_t) {
	listen := cgo.Handle(handle).Value().(func(RouterEvent))
	heard := RouterEvent{Raw: copyBytes(*event)}
	// What can't be read has its Raw.
	_ = json.Unmarshal(heard.Raw, &heard)
	heard.Level = LogLevel(level)
	listen(heard)
}
