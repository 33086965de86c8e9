package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const (
	// How many there are at a time. Memory is as large as it gets after warmUp of them.
	atOnce = 200
	warmUp = 2000
	// soon is until when those are ended that are ended by time, late is when all are that nobody has left yet, such as the
	// ones that get no answer.
	soon = 60 * time.Millisecond
	late = 200 * time.Millisecond
	// What all together may leave behind, in KiB.
	mostLeft = 16 * 1024
)

// How streams ended.
type endings struct {
	unopened, cancelled, left, whole atomic.Int64
}

// leave opens one stream and leaves it: by its context at any time, by its context behind some chunks, by leaving the
// loop, by closing it elsewhere, or not at all.
func (e *endings) leave(router *llmrouter.Router) error {
	way, after := rand.IntN(5), rand.IntN(15)
	limit := late
	if way == 0 {
		limit = rand.N(soon)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	stream, err := router.Stream(ctx, question)
	if errors.Is(err, llmrouter.ErrCancelled) {
		e.unopened.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	defer stream.Close()
	for _, err := range stream.Chunks() {
		if errors.Is(err, llmrouter.ErrCancelled) {
			e.cancelled.Add(1)
			return nil
		}
		if err != nil {
			return err
		}
		after--
		switch {
		case after > 0:
		case way == 1:
			cancel()
		case way == 2:
			e.left.Add(1)
			return nil
		case way == 3:
			go stream.Close()
		}
	}
	e.whole.Add(1)
	return nil
}

func (e *endings) all(router *llmrouter.Router, count int) error {
	var running sync.WaitGroup
	var given atomic.Int64
	var failed atomic.Pointer[error]
	for range atOnce {
		running.Add(1)
		go func() {
			defer running.Done()
			for given.Add(1) <= int64(count) && failed.Load() == nil {
				if err := e.leave(router); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		}()
	}
	running.Wait()
	if failed := failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// rest waits until nobody has a stream any more, and says what is there besides the connections that are kept.
func rest(router *llmrouter.Router, url string) (descriptorsLeft, memoryLeft int, err error) {
	err = until("nothing is in flight", func() bool { return inFlight(router) == 0 && stats(url).InFlight == 0 })
	if err != nil {
		return 0, 0, err
	}
	kept := -1
	err = until("no connection ends any more", func() bool {
		before := kept
		kept = stats(url).OpenConnections
		return before == kept
	})
	if err == nil && kept > atOnce {
		err = fmt.Errorf("%d connections are kept", kept)
	}
	return descriptors() - kept, settled(), err
}

func aborts(url string, count int) error {
	router, err := open(url, "/left/v1")
	if err != nil {
		return err
	}
	if err := new(endings).all(router, warmUp); err != nil {
		return err
	}
	descriptorsBefore, memoryBefore, err := rest(router, url)
	if err != nil {
		return err
	}
	var ends endings
	begin := time.Now()
	if err := ends.all(router, count); err != nil {
		return err
	}
	took := time.Since(begin)
	descriptorsAfter, memoryAfter, err := rest(router, url)
	if err != nil {
		return err
	}
	threads := status("Threads")
	router.Close()
	fmt.Printf("Go: %d streams left in %.1f s: %d before they opened, %d cancelled while read, %d left, %d read whole; "+
		"%d threads, allowed %d; %d KiB to %d KiB\n", count, took.Seconds(), ends.unopened.Load(), ends.cancelled.Load(),
		ends.left.Load(), ends.whole.Load(), threads, mostThreads(), memoryBefore, memoryAfter)
	few := int64(count / 50)
	switch {
	case descriptorsAfter != descriptorsBefore:
		return fmt.Errorf("%d descriptors have become %d", descriptorsBefore, descriptorsAfter)
	case threads > mostThreads():
		return fmt.Errorf("%d threads", threads)
	case memoryAfter-memoryBefore > mostLeft:
		return fmt.Errorf("%d KiB have become %d KiB", memoryBefore, memoryAfter)
	case min(ends.unopened.Load(), ends.cancelled.Load(), ends.left.Load(), ends.whole.Load()) < few:
		return errors.New("some way to leave was hardly taken")
	}
	return until("all connections are closed", func() bool { return stats(url).OpenConnections == 0 })
}
