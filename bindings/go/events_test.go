package llmrouter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

var asked = map[string]any{"model": "g", "input": "p", "prompt": "p"}

func events(t *testing.T, router *llmrouter.Router, path string) *llmrouter.EventStream {
	t.Helper()
	opened, err := router.RequestStream(context.Background(), path, asked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestEventsOfResponse(t *testing.T) {
	noGoroutinesLeft(t)
	opened := events(t, open(t, says("Hallöchen, Welt!")), "/responses")
	if opened.Metadata().Deployment != "one" {
		t.Errorf("%s", opened.RawMetadata())
	}
	var text string
	var types []string
	var last struct {
		Type     string
		Response struct{ Status string }
	}
	for event, err := range opened.Events() {
		if err != nil {
			t.Fatal(err)
		}
		text += event.Text()
		types = append(types, event.Type)
		if err := event.Decode(&last); err != nil || last.Type != event.Type {
			t.Errorf("%s: %v", event.Raw, err)
		}
	}
	if text != "Hallöchen, Welt!" || types[0] != "response.created" || last.Type != "response.completed" ||
		last.Response.Status != "completed" || len(types) < 10 {
		t.Errorf("%q, %q, %+v", text, types, last)
	}
	if usage := opened.Metadata().Usage; usage == nil || usage.PromptTokens != 10 || usage.TotalTokens != 30 {
		t.Errorf("%s", opened.RawMetadata())
	}
	for range opened.Events() {
		t.Error("there is more after the end")
	}
}

func TestTextsOfEvents(t *testing.T) {
	router := open(t, says("Hallöchen, Welt!"))
	for _, path := range []string{"/completions", "/v1/responses"} {
		if text, err := events(t, router, path).Text(); text != "Hallöchen, Welt!" || err != nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	chat := []byte(`{"model":"g","messages":[]}`)
	if opened, err := router.RequestStream(context.Background(), "/chat/completions", chat); err != nil {
		t.Error(err)
	} else if text, err := opened.Text(); text != "Hallöchen, Welt!" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	broken := open(t, says("Exception: mock_streaming_error, Hello"))
	for _, path := range []string{"/completions", "/responses"} {
		opened := events(t, broken, path)
		if text, err := opened.Text(); text != "Hello" || !errors.Is(err, llmrouter.ErrInternalServer) {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		if again, err := opened.Text(); again != "" || !errors.Is(err, llmrouter.ErrInternalServer) {
			t.Errorf("%s: %q, %v", path, again, err)
		}
	}
}

// What is not as OpenAI has it is given out all the same.
func TestEventsOfOtherTypes(t *testing.T) {
	odd := `{"type":"response.output_text.delta","delta":{"odd":1.50}}`
	whole := `{"type":"response.completed","response":{"usage":null},"choices":7}`
	router := open(t, east(t, pieces(t, 0, "data: "+odd+"\n\n", "data: "+whole+"\n\n")))
	var raw []string
	for event, err := range events(t, router, "/responses").Events() {
		if err != nil || event.Text() != "" {
			t.Error(event, err)
		}
		raw = append(raw, string(event.Raw))
	}
	if len(raw) != 2 || raw[0] != odd || raw[1] != whole {
		t.Errorf("%q", raw)
	}
}

func TestContextEndsCallsOfVerbs(t *testing.T) {
	noGoroutinesLeft(t)
	events := make([]string, 1000)
	for i := range events {
		events[i] = `data: {"type":"response.output_text.delta","delta":"x"}` + "\n\n"
	}
	router := open(t, east(t, pieces(t, 20, events...)))
	before := aborts(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opened, err := router.RequestStream(ctx, "/responses", asked)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	text, err := opened.Text()
	if text == "" || !errors.Is(err, llmrouter.ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", text, err)
	}
	eventually(t, func() bool { return aborts(t) > before })

	slow := open(t, mock("20000"))
	late, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	_, embedding := slow.Embedding(late, llmrouter.EmbeddingRequest{Model: "g", Input: llmrouter.InputText("a")})
	_, ended := slow.RequestStream(late, "/responses", asked)
	for _, err := range []error{embedding, ended} {
		if !errors.Is(err, llmrouter.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

// Whoever leaves the loop, or never begins it, ends the stream.
func TestLeavingEvents(t *testing.T) {
	router := open(t, says("Hallöchen, Welt!"))
	opened := events(t, router, "/responses")
	for event := range opened.Events() {
		if event.Text() != "" {
			break
		}
	}
	if _, err := opened.Text(); !errors.Is(err, llmrouter.ErrCancelled) {
		t.Error(err)
	}
	unread := events(t, router, "/completions")
	if err := errors.Join(unread.Close(), unread.Close()); err != nil {
		t.Error(err)
	}
	waitInFlight(t, router, 0)
}
