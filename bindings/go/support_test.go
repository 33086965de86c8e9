package llmrouter_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopProvider()
	os.Exit(code)
}

// root is the repository.
func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// dist is where `make sdk` staged the library.
func dist(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LLMROUTER_DIST")
	if path == "" {
		path = filepath.Join(root(t), "dist")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "lib", "libllmrouter.so")); err != nil {
		t.Fatalf("%v: run `make sdk` first", err)
	}
	return path
}

var provider struct {
	sync.Mutex
	command *exec.Cmd
	base    string
}

// fake returns the base URL of the scripted provider, after it has been given this script ("" for none).
func fake(t *testing.T, script string) string {
	t.Helper()
	provider.Lock()
	defer provider.Unlock()
	if provider.command == nil {
		startProvider(t)
	}
	if script == "" {
		script = `{"paths": {}}`
	}
	put, err := http.NewRequest(http.MethodPut, provider.base+"/_control/script", strings.NewReader(script))
	if err != nil {
		t.Fatal(err)
	}
	put.Close = true
	answer, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		t.Fatalf("the fake provider refused the script: %s", said)
	}
	return provider.base
}

func startProvider(t *testing.T) {
	t.Helper()
	program := os.Getenv("LLMROUTER_FAKEPROVIDER")
	if program == "" {
		program = filepath.Join(root(t), "target", "debug", "fakeprovider")
	}
	command := exec.Command(program)
	command.Stderr = os.Stderr
	// It ends when its standard input does: with this process, whatever becomes of it.
	if _, err := command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("%v: run `cargo build -p fakeprovider` first", err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	base, found := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !found {
		t.Fatalf("the fake provider said %q (%v)", line, err)
	}
	provider.command, provider.base = command, base
}

func stopProvider() {
	if provider.command != nil {
		_ = provider.command.Process.Kill()
		_ = provider.command.Wait()
	}
}

// requests is how many requests the fake provider has got so far.
func requests(t *testing.T) int {
	t.Helper()
	answer, err := http.Get(provider.base + "/_control/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var stats struct{ Requests int }
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		t.Fatal(err)
	}
	return stats.Requests
}

// deadPort is the base URL of a port that nobody listens on.
func deadPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

// open makes a router that is closed when the test ends.
func open(t *testing.T, config string) *llmrouter.Router {
	t.Helper()
	router, err := llmrouter.NewFromYAML(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router
}

// mock is the configuration of one deployment that answers "mocked" after so many milliseconds.
func mock(delay string) string {
	return "model_list:\n  - model_name: g\n    litellm_params: " +
		"{model: openai/m, mock_response: mocked, mock_delay_ms: " + delay + "}\n    model_info: {id: one}\n" +
		"router_settings: {num_retries: 0}\n"
}

var question = llmrouter.ChatRequest{Model: "g", Messages: []llmrouter.Message{llmrouter.User("hi")}}

// waitInFlight waits until so many calls are at deployments.
func waitInFlight(t *testing.T, router *llmrouter.Router, calls int) {
	t.Helper()
	eventually(t, func() bool {
		snapshot, err := router.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		now := 0
		for _, group := range snapshot.Groups {
			for _, deployment := range group.Deployments {
				now += deployment.InFlight
			}
		}
		return now == calls
	})
}

// eventually fails unless the condition comes true within half a minute.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true within 30 s")
		}
	}
}

// noGoroutinesLeft fails if more goroutines run at the end of the test than now.
func noGoroutinesLeft(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 500 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines: %d before, %d after\n%s", before, runtime.NumGoroutine(),
			stacks[:runtime.Stack(stacks, true)])
	})
}

// inChild runs the test again in a process of its own, and returns false in the one that called it.
func inChild(t *testing.T, environment ...string) bool {
	t.Helper()
	const mark = "LLMROUTER_GO_CHILD"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(append(os.Environ(), mark+"="+t.Name()), environment...)
	output, err := child.CombinedOutput()
	t.Logf("%s", output)
	if err != nil || !bytes.Contains(output, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the child failed: %v", err)
	}
	return false
}

// tool runs a program in a folder and returns what it printed.
func tool(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	defer stop()
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return string(output)
}
