package llmrouter_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

const many = 20_000

// 20,000 calls at once cost no thread: neither while they wait, nor when all are cancelled at one moment.
// A process of its own, because Go gives no thread back that another test made.
func TestThreadsOfCancelledCalls(t *testing.T) {
	if !inChild(t) {
		return
	}
	router := open(t, mock("60000"))
	ctx, cancel := context.WithCancel(context.Background())
	var cancelled atomic.Int64
	running := start(many, func() {
		if _, err := router.Completion(ctx, question); errors.Is(err, llmrouter.ErrCancelled) {
			cancelled.Add(1)
		} else {
			t.Error(err)
		}
	})
	waitInFlight(t, router, many)
	checkThreads(t)
	cancel()
	running.Wait()
	checkThreads(t)
	if cancelled.Load() != many {
		t.Errorf("%d were cancelled", cancelled.Load())
	}
}

// The same where all are answered, at about one moment.
func TestThreadsOfAnsweredCalls(t *testing.T) {
	if !inChild(t) {
		return
	}
	router := open(t, mock("1500"))
	begin := time.Now()
	var answered atomic.Int64
	start(many, func() {
		if answer, err := router.Completion(context.Background(), question); err == nil && answer.Text() == "mocked" {
			answered.Add(1)
		} else {
			t.Error(err)
		}
	}).Wait()
	t.Logf("%d calls of 1,500 ms in %v", many, time.Since(begin))
	checkThreads(t)
	if answered.Load() != many {
		t.Errorf("%d were answered", answered.Load())
	}
}

// checkThreads wants no more threads than those of Go, of one router and a handful.
func checkThreads(t *testing.T) {
	t.Helper()
	// Where the machine has much else to do, Go starts a thread in the place of one that was put aside within a call to C.
	const workers, spare = 2, 12
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	most := runtime.GOMAXPROCS(0) + workers + spare
	t.Logf("%d threads, allowed %d", len(tasks), most)
	if len(tasks) > most {
		t.Errorf("%d threads, more than %d", len(tasks), most)
	}
}

// start runs a function in so many goroutines.
func start(count int, call func()) *sync.WaitGroup {
	running := new(sync.WaitGroup)
	running.Add(count)
	for range count {
		go func() {
			defer running.Done()
			call()
		}()
	}
	return running
}

// With the collector always at work and what it frees overwritten, nothing that C uses may be freed.
func TestUnderTheCollector(t *testing.T) {
	if !inChild(t, "GODEBUG=clobberfree=1", "GOGC=5") {
		return
	}
	router := open(t, mock("1"))
	stop := make(chan struct{})
	collecting := start(1, func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var collected runtime.MemStats
	long := strings.Repeat("a long text; ", 2000)
	start(8, func() {
		for i := range 150 {
			ctx, cancel := context.WithCancel(context.Background())
			if i%5 == 0 {
				time.AfterFunc(500*time.Microsecond, cancel)
			}
			request := llmrouter.ChatRequest{
				Model:    "g",
				Messages: []llmrouter.Message{llmrouter.User(long)},
				Extra:    map[string]any{"mock_response": long},
			}
			answer, err := router.Completion(ctx, request)
			if err == nil && (answer.Text() != long || answer.Metadata().Deployment != "one") {
				t.Errorf("%.50q, %s", answer.Text(), answer.RawMetadata)
			} else if err != nil && !errors.Is(err, llmrouter.ErrCancelled) {
				t.Error(err)
			}
			cancel()
		}
	}).Wait()
	close(stop)
	collecting.Wait()
	if runtime.ReadMemStats(&collected); collected.NumGC < 100 {
		t.Errorf("only %d collections", collected.NumGC)
	}
}

// What C allocates is freed, whatever becomes of a call.
func TestMemoryDoesNotGrow(t *testing.T) {
	if !inChild(t) {
		return
	}
	router := open(t, "model_list:\n"+
		"  - {model_name: g, litellm_params: {model: openai/m, mock_response: mocked}}\n"+
		"  - {model_name: bad, litellm_params: {model: openai/m, mock_error: 500}}\n"+
		"router_settings: {num_retries: 0, disable_cooldowns: true}\n")
	failing := question
	failing.Model = "bad"
	long := llmrouter.ChatRequest{Model: "g", Messages: []llmrouter.Message{llmrouter.User(strings.Repeat("x", 2000))}}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	round := func() {
		for range 2000 {
			if _, err := router.Completion(context.Background(), long); err != nil {
				t.Fatal(err)
			}
			if _, err := router.Completion(context.Background(), failing); !errors.Is(err, llmrouter.ErrInternalServer) {
				t.Fatal(err)
			}
			_, _ = router.CompletionRaw(context.Background(), []byte("{"))
			_, _ = router.Completion(ended, question)
		}
		for range 100 {
			if _, err := router.Snapshot(); err != nil {
				t.Fatal(err)
			}
			if _, err := llmrouter.NewFromYAML("x: ["); err == nil {
				t.Fatal("it is a configuration")
			}
		}
	}
	round()
	before := resident(t)
	for range 5 {
		round()
	}
	// Of 20,000 outcomes, each some 2 kB in C, none may be left.
	grown := resident(t) - before
	t.Logf("grown by %d kB", grown/1024)
	if grown > 8<<20 {
		t.Errorf("grown by %d kB", grown/1024)
	}
}

// resident is the memory of the process, in bytes, after Go has given back what it can.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
