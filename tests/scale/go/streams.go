package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// What an open stream may cost in resident memory, in KiB: by itself, and with its goroutine and what Go's collector
// has not looked at yet.
const (
	mostKiB    = 32
	mostWithGo = 96
	// What the allocators may set aside, however few streams there are.
	spareKiB    = 8192
	mostOpening = 500
	// The first of them start the workers and fill what is made once; then what the others add is measured.
	first = 50
)

type load struct {
	router             *llmrouter.Router
	each               int
	opened, over, came atomic.Int64
	failed             atomic.Pointer[error]
}

// read has one stream from its opening to its end. The contents are numbers, counted up.
func (l *load) read(slots chan struct{}) error {
	slots <- struct{}{}
	stream, err := l.router.Stream(context.Background(), question)
	<-slots
	if err != nil {
		return fmt.Errorf("a stream did not open: %w", err)
	}
	l.opened.Add(1)
	next := 0
	for chunk, err := range stream.Chunks() {
		if err != nil {
			return fmt.Errorf("a stream broke: %w", err)
		}
		text := chunk.Text()
		if text == "" {
			continue
		}
		if text != strconv.Itoa(next) {
			return fmt.Errorf("a chunk says %q and not %d", text, next)
		}
		next++
		l.came.Add(1)
	}
	if next != l.each {
		return fmt.Errorf("%d chunks came of %d", next, l.each)
	}
	l.over.Add(1)
	return nil
}

func (l *load) start(count int, running *sync.WaitGroup, slots chan struct{}) {
	for range count {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := l.read(slots); err != nil {
				l.failed.CompareAndSwap(nil, &err)
			}
		}()
	}
}

// ready waits until so many are open, and fails as soon as one has failed.
func (l *load) ready(count int) error {
	err := until("all are open", func() bool { return l.opened.Load() >= int64(count) || l.failed.Load() != nil })
	if failed := l.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

func streams(url, path string, count, each int) error {
	router, err := open(url, path)
	if err != nil {
		return err
	}
	load := &load{router: router, each: each}
	var running sync.WaitGroup
	slots := make(chan struct{}, mostOpening)
	load.start(first, &running, slots)
	if err := load.ready(first); err != nil {
		return err
	}
	settled()
	before, beforeOfGo := memory()

	begin := time.Now()
	load.start(count, &running, slots)
	if err := load.ready(first + count); err != nil {
		return err
	}
	opening := time.Since(begin)
	if load.over.Load() > first || inFlight(router) < count {
		return fmt.Errorf("not all were open at once: %d are over, %d in flight", load.over.Load(), inFlight(router))
	}
	// The moment of the most is taken: Go's share at one moment, and all that is there at the same.
	var most, ofGo, threads int
	for load.over.Load() <= first && load.failed.Load() == nil {
		if all, goes := memory(); all > most {
			most, ofGo = all, goes
		}
		threads = max(threads, status("Threads"))
		time.Sleep(100 * time.Millisecond)
	}
	running.Wait()
	if failed := load.failed.Load(); failed != nil {
		return *failed
	}
	took := time.Since(begin)
	if n := inFlight(router); n != 0 {
		return fmt.Errorf("%d are still in flight", n)
	}
	router.Close()

	whole := most - before
	library := whole - (ofGo - beforeOfGo)
	of := func(memory int) float64 { return float64(memory) / float64(count) }
	fmt.Printf("Go %s: %d streams open after %.1f s, over after %.1f s; %d chunks; %d threads, allowed %d; "+
		"%.1f KiB a stream, allowed %d, %.1f of them the library's, allowed %d\n",
		path, count, opening.Seconds(), took.Seconds(), load.came.Load(), threads, mostThreads(),
		of(whole), mostWithGo, of(library), mostKiB)
	switch {
	case load.came.Load() != int64((first+count)*each):
		return fmt.Errorf("%d chunks came", load.came.Load())
	case threads > mostThreads():
		return fmt.Errorf("%d threads", threads)
	case whole > mostWithGo*count+spareKiB || library > mostKiB*count+spareKiB:
		return fmt.Errorf("%.1f KiB a stream, %.1f of them the library's", of(whole), of(library))
	}
	return nil
}
