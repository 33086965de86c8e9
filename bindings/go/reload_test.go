package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// playing is the configuration of one deployment that answers with this text after so many milliseconds.
func playing(text, delay string) string { return strings.Replace(mock(delay), "mocked", text, 1) }

func answered(t *testing.T, router *llmrouter.Router) string {
	t.Helper()
	answer, err := router.Completion(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Text()
}

func TestReloadAmongCalls(t *testing.T) {
	noGoroutinesLeft(t)
	router := open(t, playing("old", "300"))
	begun := make(chan string, 1)
	go func() { begun <- answered(t, router) }()
	waitInFlight(t, router, 1)
	if err := router.Reload(playing("new", "0")); err != nil {
		t.Fatal(err)
	}
	if text := answered(t, router); text != "new" {
		t.Errorf("a call after the reload says %q", text)
	}
	if text := <-begun; text != "old" {
		t.Errorf("the call that had begun says %q", text)
	}

	var callers sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if answer, err := router.Completion(context.Background(), question); err != nil || answer.Text() != "new" && answer.Text() != "other" {
					t.Error(answer, err)
				}
			}
		}()
	}
	for round := range 100 {
		if err := router.Reload(playing([]string{"other", "new"}[round%2], "0")); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	callers.Wait()
	snapshot, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	// All of them count, whichever configuration they began with.
	if deployment := snapshot.Groups[0].Deployments[0]; deployment.InFlight != 0 || deployment.Succeeded < 2 {
		t.Errorf("%+v", deployment)
	}
}

func TestReloadThatFails(t *testing.T) {
	router := open(t, playing("old", "0"))
	for config, class := range map[string]error{
		playing("new", "0") + "litellm_settings: {num_retires: 3}\n": llmrouter.ErrConfig,
		"":         llmrouter.ErrConfig,
		"a: b\xff": llmrouter.ErrInvalidArgument,
	} {
		err := router.Reload(config)
		if !errors.Is(err, class) {
			t.Errorf("%q: %v", config, err)
		}
		if strings.Contains(config, "litellm_settings") &&
			!strings.Contains(err.Error(), "litellm_settings.num_retires: unknown key at line 6 column") {
			t.Errorf("it does not say where: %v", err)
		}
		if text := answered(t, router); text != "old" {
			t.Errorf("after %q it says %q", config, text)
		}
	}
}

// What was learnt goes with the id.
func TestReloadKeepsCooldowns(t *testing.T) {
	config := func(id, plays string) string {
		return "model_list:\n  - {model_name: g, litellm_params: {model: openai/m, " + plays + "}, model_info: {id: " + id + "}}\n" +
			"router_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60}\n"
	}
	router := open(t, config("a", "mock_error: 500"))
	if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrInternalServer) {
		t.Fatal(err)
	}
	if err := router.Reload(config("a", "mock_response: well")); err != nil {
		t.Fatal(err)
	}
	if _, err := router.Completion(context.Background(), question); !errors.Is(err, llmrouter.ErrNoDeploymentAvailable) {
		t.Errorf("it does not rest any more: %v", err)
	}
	if err := router.Reload(config("b", "mock_response: well")); err != nil {
		t.Fatal(err)
	}
	if text := answered(t, router); text != "well" {
		t.Errorf("%q", text)
	}
}

func TestReloadWhereItCanNot(t *testing.T) {
	router := open(t, playing("old", "0"))
	inside := make(chan error, 1)
	err := llmrouter.SetLogListener(llmrouter.LogWarn, func(llmrouter.LogLevel, json.RawMessage) {
		select {
		case inside <- router.Reload(playing("inner", "0")):
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// It is of the proxy, and so warned of.
	warned := router.Reload(playing("new", "0") + "general_settings: {master_key: x}\n")
	if err := llmrouter.SetLogListener(llmrouter.LogOff, nil); err != nil || warned != nil {
		t.Fatal(err, warned)
	}
	if err := <-inside; !errors.Is(err, llmrouter.ErrInCallback) {
		t.Errorf("inside a log listener: %v", err)
	}
	if text := answered(t, router); text != "new" {
		t.Errorf("%q", text)
	}
	router.Close()
	if err := router.Reload(playing("new", "0")); !errors.Is(err, llmrouter.ErrShutDown) {
		t.Errorf("after the end: %v", err)
	}
}
