package llmrouter

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"sync/atomic"
)

// batch is how many chunks one crossing brings at most.
const batch = 64

// source is what the context of a stream holds: a stream that nobody else has is freed.
type source struct {
	handle *C.router_stream_t
	uses   uses
	// Each read, as the opening before it, ends with one outcome.
	done chan outcome
	name cgo.Handle
	// The library's stream has ended. Belongs to the one that reads, then to the one that frees.
	over     bool
	metadata atomic.Pointer[json.RawMessage]
}

// next reads once. The caller has entered, or frees.
func (s *source) next() (outcome, error) {
	var failed *C.router_error_t
	crossings <- struct{}{}
	accepted := bool(C.llmrouter_go_next(s.handle, batch, C.uintptr_t(s.name), &failed))
	<-crossings
	if !accepted {
		return outcome{}, takeError(failed)
	}
	how := <-s.done
	s.over = how.chunks == nil
	return how, nil
}

// cancel makes the stream end soon.
func (s *source) cancel() {
	if s.uses.enter() {
		s.stop()
		s.uses.leave()
	}
}

func (s *source) stop() {
	crossings <- struct{}{}
	C.router_stream_cancel(s.handle)
	<-crossings
}

// note copies the metadata as it is now.
func (s *source) note() {
	var length C.size_t
	text := C.router_stream_metadata(s.handle, &length)
	metadata := json.RawMessage(copyBytes(C.llmrouter_go_text_t{data: text, len: length}))
	s.metadata.Store(&metadata)
}

// free is for the one that closed the uses.
func (s *source) free() {
	s.stop()
	s.uses.wait()
	// At the end the metadata is whole. It comes soon, behind the chunks that had arrived.
	for !s.over {
		if _, err := s.next(); err != nil {
			break
		}
	}
	s.note()
	crossings <- struct{}{}
	C.router_stream_free(s.handle)
	<-crossings
	s.name.Delete()
}
