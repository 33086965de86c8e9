package llmrouter

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"sync"
)

// LogLevel says how much is logged.
type LogLevel int32

// The log levels; each includes those before it.
const (
	LogOff   LogLevel = C.ROUTER_LOG_OFF
	LogError LogLevel = C.ROUTER_LOG_ERROR
	LogWarn  LogLevel = C.ROUTER_LOG_WARN
	LogInfo  LogLevel = C.ROUTER_LOG_INFO
	LogDebug LogLevel = C.ROUTER_LOG_DEBUG
	LogTrace LogLevel = C.ROUTER_LOG_TRACE
)

var listener struct {
	sync.Mutex
	handle cgo.Handle
}

// SetLogListener has the log records of all routers of this process, up to level, heard by listen; nil turns it off.
// On return the listener set before is not running and will not be called again.
//
// A record is a JSON object: "time" (Unix milliseconds), "level", "target", "message" and fields of its own. The
// listener runs on a thread of the library, several at once, and must not block or panic. A call made inside one
// fails with [ErrInCallback], and so does SetLogListener.
func SetLogListener(level LogLevel, listen func(level LogLevel, record json.RawMessage)) error {
	if mismatch != nil {
		return mismatch
	}
	// Asked first: whoever holds the lock may be waiting for this listener to end.
	if bool(C.llmrouter_go_listening()) {
		return localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "the log listener was set inside a listener")
	}
	listener.Lock()
	defer listener.Unlock()

	var next cgo.Handle
	if listen != nil {
		next = cgo.NewHandle(listen)
	}
	C.llmrouter_go_listen(C.uintptr_t(next), C.int32_t(level))
	if listener.handle != 0 {
		listener.handle.Delete()
	}
	listener.handle = next
	return nil
}
