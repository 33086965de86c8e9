package llmrouter_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// Case is one row of the table that all languages run.
type Case struct {
	Name     string
	Config   string
	Script   json.RawMessage
	Path     string
	Request  json.RawMessage
	Raw      *string
	WarmUp   int `json:"warm_up"`
	Before   []json.RawMessage
	Stream   bool
	Cancel   string
	Close    string
	InFlight int            `json:"in_flight"`
	WithinMS int            `json:"within_ms"`
	NewFails map[string]any `json:"new_fails"`
	Explain  bool
	Expect   struct {
		Text        *string
		ContentType string `json:"content_type"`
		Body        any
		Metadata    map[string]any
		Attempts    *int
		Plan        map[string]any
		Error       map[string]any
	}
}

func TestCases(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		About string
		Cases []Case
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	// A member that this runner does not know would be a check that it does not make.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) < 30 {
		t.Fatalf("only %d cases", len(table.Cases))
	}
	for _, row := range table.Cases {
		t.Run(row.Name, func(t *testing.T) {
			noGoroutinesLeft(t)
			row.run(t)
		})
	}
}

func (c *Case) run(t *testing.T) {
	base := fake(t, string(c.Script))
	config := strings.NewReplacer("{{provider}}", base, "{{dead}}", deadPort(t)).Replace(c.Config)
	router, err := llmrouter.NewFromYAML(config)
	if c.NewFails != nil {
		checkError(t, err, c.NewFails)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	for range c.WarmUp {
		c.Before = append(c.Before, c.Request)
	}
	for _, request := range c.Before {
		var asked struct{ Stream bool }
		if err := json.Unmarshal(request, &asked); err != nil {
			t.Fatal(err)
		}
		c.call(context.Background(), router, request, asked.Stream)
	}

	if c.Explain {
		plan, err := router.ExplainRaw(c.Request)
		if c.Expect.Error != nil {
			checkError(t, err, c.Expect.Error)
		} else if err != nil {
			t.Error(err)
		} else {
			c.checkPlan(t, plan)
		}
		return
	}
	start := time.Now()
	outcomes := c.calls(t, router)
	for range cap(outcomes) {
		c.check(t, <-outcomes)
	}
	if took := time.Since(start); c.WithinMS > 0 && took > time.Duration(c.WithinMS)*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

type outcome struct {
	answer   *llmrouter.Answer
	response *llmrouter.Response // nil if the row has a path.
	err      error
}

// calls makes the row's calls and does to them what it says; the channel has room for as many as there are.
func (c *Case) calls(t *testing.T, router *llmrouter.Router) chan outcome {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.Cancel == "before" {
		cancel()
	}
	if c.Close == "before" {
		router.Close()
	}
	request := c.Request
	if c.Raw != nil {
		request = json.RawMessage(*c.Raw)
	}
	outcomes := make(chan outcome, max(c.InFlight, 1))
	for range cap(outcomes) {
		go func() {
			outcomes <- c.call(ctx, router, request, c.Stream)
		}()
	}
	if c.Cancel == "during" || c.Close == "during" {
		waitInFlight(t, router, cap(outcomes))
	}
	if c.Cancel == "during" {
		cancel()
	}
	if c.Close == "during" {
		router.Close()
	}
	// All have ended; a cancel after that, by the deferred one, changes nothing.
	eventually(t, func() bool { return len(outcomes) == cap(outcomes) })
	return outcomes
}

func (c *Case) call(ctx context.Context, router *llmrouter.Router, request json.RawMessage, stream bool) outcome {
	if stream {
		chunks, err := router.StreamRaw(ctx, request)
		if err != nil {
			return outcome{err: err}
		}
		response, err := chunks.Response()
		return outcome{answer: &response.Answer, response: response, err: err}
	}
	if c.Path != "" {
		answer, err := router.Request(ctx, c.Path, request)
		return outcome{answer: answer, err: err}
	}
	response, err := router.CompletionRaw(ctx, request)
	if err != nil {
		return outcome{err: err}
	}
	return outcome{answer: &response.Answer, response: response}
}

func (c *Case) check(t *testing.T, got outcome) {
	if c.Expect.Error != nil {
		checkError(t, got.err, c.Expect.Error)
		if cancelled := c.Cancel == "before" || c.Cancel == "during"; cancelled != errors.Is(got.err, context.Canceled) {
			t.Errorf("cancelled: %v, but the error is %v", cancelled, got.err)
		}
		return
	}
	if got.err != nil {
		t.Fatal(got.err)
	}
	c.checkBody(t, got)
	// The typed metadata, written again, has what is expected, and so does the library's own.
	typed, err := json.Marshal(got.answer.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []json.RawMessage{typed, got.answer.RawMetadata} {
		checkMembers(t, text, c.Expect.Metadata)
	}
	plan := got.answer.Metadata().Explain
	switch {
	case (plan != nil) != (c.Expect.Plan != nil):
		t.Errorf("the plan is %+v", plan)
	case plan != nil:
		c.checkPlan(t, plan)
	}
	if attempts := got.answer.Metadata().Attempts; c.Expect.Attempts != nil && len(attempts) != *c.Expect.Attempts {
		t.Errorf("attempts: %+v", attempts)
	}
}

// checkPlan wants the same of the plan as it came and as it was read, which is written again; there, times are durations.
func (c *Case) checkPlan(t *testing.T, plan *llmrouter.Plan) {
	typed, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []json.RawMessage{typed, plan.Raw} {
		var is any
		if err := json.Unmarshal(text, &is); err != nil {
			t.Fatal(err)
		}
		if !fits(is, c.Expect.Plan) {
			t.Errorf("the plan is %s, not %v", text, c.Expect.Plan)
		}
	}
}

// fits says whether the wanted members are there, at every depth; a text that ends in "…" says how one begins.
func fits(is, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		object, _ := is.(map[string]any)
		for name, value := range wanted {
			if member, found := object[name]; !found || !fits(member, value) {
				return false
			}
		}
		return object != nil
	case []any:
		list, _ := is.([]any)
		return slices.EqualFunc(list, wanted, fits)
	case string:
		text, isText := is.(string)
		beginning, more := strings.CutSuffix(wanted, "…")
		return isText && (text == wanted || more && strings.HasPrefix(text, beginning))
	default:
		return is == wanted
	}
}

func (c *Case) checkBody(t *testing.T, got outcome) {
	wanted := ""
	if c.Expect.Text != nil {
		wanted = *c.Expect.Text
	}
	if got.answer.Text() != wanted {
		t.Errorf("text %q, not %q", got.answer.Text(), wanted)
	}
	if got.response != nil {
		completion, err := got.response.Completion()
		if err != nil {
			t.Fatal(err)
		}
		content := completion.Choices[0].Message.Content
		if content.String() != wanted || (content == nil) != (c.Expect.Text == nil) {
			t.Errorf("content %v, not %q", content, wanted)
		}
	}
	if c.Expect.ContentType != "" && got.answer.ContentType() != c.Expect.ContentType {
		t.Errorf("it is %s", got.answer.ContentType())
	}
	var body any = base64.StdEncoding.EncodeToString(got.answer.Body)
	if _, isBytes := c.Expect.Body.(string); !isBytes {
		if err := got.answer.Decode(&body); err != nil {
			t.Fatal(err)
		}
	}
	if c.Expect.Body != nil && !fits(body, c.Expect.Body) {
		t.Errorf("the body is %v, not %v", body, c.Expect.Body)
	}
}

func checkMembers(t *testing.T, text []byte, expected map[string]any) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range expected {
		if !fits(members[name], value) {
			t.Errorf("%s is %v, not %v, in %s", name, members[name], value, text)
		}
	}
}
