package llmrouter

// #include "shim.h"
import "C"

import (
	"bytes"
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

// outcome is how a call, the opening of a stream or a read of one ended: one of them is set, or none at a stream's end.
type outcome struct {
	parts   *parts
	stream  *C.router_stream_t
	chunks  []byte // A JSON array.
	failure *failure
}

// failure is an error of the library, copied and not yet parsed.
type failure struct {
	code         int
	name         string
	retryAfterMS int64
	json         []byte
}

// The callbacks run on a thread of the library and must not block: they copy, and send into a channel with room for
// the one outcome that a call has.

//export llmrouterGoAnswered
func llmrouterGoAnswered(handle C.uintptr_t, answer *C.llmrouter_go_answer_t) {
	end(handle, outcome{parts: &parts{
		body:     copyBytes(answer.body),
		metadata: copyBytes(answer.metadata),
		text:     string(lent(answer.text)),
	}})
}

//export llmrouterGoFailed
func llmrouterGoFailed(handle C.uintptr_t, failed *C.llmrouter_go_failure_t) {
	end(handle, outcome{failure: copyFailure(failed)})
}

//export llmrouterGoOpened
func llmrouterGoOpened(handle C.uintptr_t, stream *C.router_stream_t) {
	end(handle, outcome{stream: stream})
}

//export llmrouterGoRead
func llmrouterGoRead(handle C.uintptr_t, chunks *C.llmrouter_go_text_t) {
	end(handle, outcome{chunks: copyBytes(*chunks)})
}

//export llmrouterGoLogged
func llmrouterGoLogged(handle C.uintptr_t, level C.int32_t, record *C.llmrouter_go_text_t) {
	listener := cgo.Handle(handle).Value().(func(LogLevel, json.RawMessage))
	listener(LogLevel(level), copyBytes(*record))
}

func end(handle C.uintptr_t, how outcome) {
	cgo.Handle(handle).Value().(chan outcome) <- how
}

func copyFailure(failed *C.llmrouter_go_failure_t) *failure {
	return &failure{
		code:         int(failed.code),
		name:         C.GoString(failed.name),
		retryAfterMS: int64(failed.retry_after_ms),
		json:         copyBytes(failed.json),
	}
}

// lent is the library's own memory, valid until the object it belongs to is freed.
func lent(text C.llmrouter_go_text_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(text.data)), int(text.len))
}

func copyBytes(text C.llmrouter_go_text_t) []byte {
	return bytes.Clone(lent(text))
}

// pointer lends a Go string to C for one call, without a copy.
func pointer(text string) (*C.char, C.size_t) {
	data := unsafe.StringData(text)
	if data == nil {
		// For C, an empty text is not NULL.
		data = new(byte)
	}
	return (*C.char)(unsafe.Pointer(data)), C.size_t(len(text))
}

// takeText copies a string that the library gave out, and frees it.
func takeText(text *C.char, length C.size_t) []byte {
	defer C.router_string_free(text)
	return copyBytes(C.llmrouter_go_text_t{data: text, len: length})
}

// takeError turns an error handle into an error, and frees it.
func takeError(handle *C.router_error_t) *Error {
	defer C.router_error_free(handle)
	failed := C.llmrouter_go_failure(handle)
	return newError(copyFailure(&failed))
}
