package llmrouter_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func TestEndedContextSendsNothing(t *testing.T) {
	base := fake(t, "")
	router := open(t, "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_base: '"+base+"/one/v1', api_key: k}\n")
	if _, err := router.Completion(context.Background(), question); err != nil {
		t.Fatal(err)
	}
	before := requests(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if _, err := router.Completion(ctx, question); !errors.Is(err, context.Canceled) || !errors.Is(err, llmrouter.ErrCancelled) {
			t.Fatal(err)
		}
	}
	if after := requests(t); after != before {
		t.Errorf("%d requests were sent", after-before)
	}
}

func TestDeadlineEndsTheCall(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("20000"))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := router.Completion(ctx, question)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	var failed *llmrouter.Error
	if !errors.As(err, &failed) || !errors.Is(err, llmrouter.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestCauseOfTheContext(t *testing.T) {
	router := open(t, mock("20000"))
	why := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	_, err := router.Completion(ctx, question)
	if !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The connection of a cancelled call is closed at once, so that the provider stops, too.
func TestCancelReachesTheProvider(t *testing.T) {
	base := fake(t, `{"paths": {"/one": [{"hang": true}]}}`)
	router := open(t, "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_base: '"+base+"/one/v1', api_key: k}\n")
	ctx, cancel := context.WithCancel(context.Background())
	before := requests(t)
	ended := make(chan error, 1)
	go func() {
		_, err := router.Completion(ctx, question)
		ended <- err
	}()
	eventually(t, func() bool { return requests(t) > before })
	start := time.Now()
	cancel()
	if err := <-ended; !errors.Is(err, llmrouter.ErrCancelled) {
		t.Error(err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// Whoever wins the race between answer and cancel, each call has one outcome, and an error is a cancelled one.
func TestCancelRaces(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, mock("2"))
	var answered, cancelled atomic.Int64
	var running sync.WaitGroup
	for range 16 {
		running.Add(1)
		go func() {
			defer running.Done()
			for range 150 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(4000))*time.Microsecond)
				response, err := router.Completion(ctx, question)
				switch {
				case err == nil && response.Text() == "mocked":
					answered.Add(1)
				case response == nil && errors.Is(err, llmrouter.ErrCancelled) && errors.Is(err, context.DeadlineExceeded):
					cancelled.Add(1)
				default:
					t.Errorf("%v, %v", response, err)
				}
				cancel()
			}
		}()
	}
	running.Wait()
	if answered.Load() == 0 || cancelled.Load() == 0 {
		t.Errorf("no race: %d answered, %d cancelled", answered.Load(), cancelled.Load())
	}
	waitInFlight(t, router, 0)
}
