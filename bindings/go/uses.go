package llmrouter

import (
	"math"
	"runtime"
	"sync/atomic"
)

// uses counts the goroutines that are inside C with a handle, so that it is freed when the last one has left. A
// read-write lock would do, but whoever waits for one in a listener could wait for itself.
type uses struct {
	count atomic.Int64
	idle  chan struct{}
}

// closed is added to the count when the handle is: from then on it is negative.
const closed = math.MinInt64 / 2

func newUses() uses { return uses{idle: make(chan struct{}, 1)} }

// enter says whether the handle may be used until leave.
func (u *uses) enter() bool {
	if u.count.Add(1) > 0 {
		return true
	}
	u.leave()
	return false
}

func (u *uses) leave() {
	if u.count.Add(-1) == closed {
		select {
		case u.idle <- struct{}{}:
		default:
		}
	}
}

// close refuses further uses; true for the one that did.
func (u *uses) close() bool {
	for {
		count := u.count.Load()
		if count < 0 {
			return false
		}
		if u.count.CompareAndSwap(count, count+closed) {
			return true
		}
	}
}

// wait waits after close until all have left. For one goroutine, once.
func (u *uses) wait() {
	if u.count.Load() != closed {
		<-u.idle
	}
}

// crossings bounds the goroutines that are inside C at one moment for something short. Go gives a thread of its own to
// each that stays there for some microseconds, as one does whose thread waits for a processor: without a bound, a
// burst of calls ends in as many threads.
var crossings = make(chan struct{}, 2)

// cross is enter for something short, until uncross.
func (r *Router) cross() bool {
	if !r.uses.enter() {
		return false
	}
	crossings <- struct{}{}
	return true
}

func (r *Router) uncross() {
	<-crossings
	r.uses.leave()
	// The finalizer must not run while C uses the handle.
	runtime.KeepAlive(r)
}
