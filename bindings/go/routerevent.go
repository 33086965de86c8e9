package llmrouter

import (
	"encoding/json"
	"math"
	"time"
)

// RouterEvent is an attempt that ended, or a call: LiteLLM's standard logging payload with the router's own members
// beside it. What there is none of is empty.
type RouterEvent struct {
	// Event is "attempt" or "call".
	Event string `json:"event"`
	// Level is LogInfo, LogWarn for an attempt that failed, LogError for a call that failed.
	Level LogLevel `json:"-"`
	// Status is "success" or "failure".
	Status string `json:"status"`
	Stream bool   `json:"stream"`

	ID            string `json:"id"`      // The answer's; the call's where there is none.
	CallID        uint64 `json:"call_id"` // The number of the call in its router.
	LiteLLMCallID string `json:"litellm_call_id"`
	TraceID       string `json:"trace_id"`
	SessionID     string `json:"session_id"`
	CallType      string `json:"call_type"` // Such as "acompletion".

	RequestedModel string `json:"requested_model"`
	ModelGroup     string `json:"model_group"` // That answered, or was asked last.
	Deployment     string `json:"deployment"`
	Provider       string `json:"custom_llm_provider"`
	Model          string `json:"model"` // Provider and model, such as "openai/gpt-4o".
	APIBase        string `json:"api_base"`

	// Attempt is an attempt's number in its call, from 1; of a call how many there were.
	Attempt  int       `json:"attempt"`
	Attempts []Attempt `json:"attempts"`
	// Fallbacks counts the groups left behind; FallbackChain has all that were asked, in order.
	Fallbacks     int      `json:"fallbacks"`
	FallbackChain []string `json:"fallback_chain"`

	Start time.Time `json:"-"`
	End   time.Time `json:"-"`
	// Phases are where the time went, all together.
	Phases Phases `json:"phases"`
	// Overhead is the router's own part of a call.
	Overhead time.Duration `json:"-"`
	// TTFT is the time to the first content of a stream; 0 for a whole answer.
	TTFT time.Duration `json:"-"`

	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	// UsageEstimated says that the provider did not tell, and that the router estimated it.
	UsageEstimated bool `json:"usage_estimated"`
	// Cost is in US dollars; nil if the price is unknown. 0 for a kept answer.
	Cost     *float64 `json:"response_cost"`
	CacheHit bool     `json:"cache_hit"`
	CacheKey string   `json:"cache_key"`

	Tags    []string `json:"request_tags"`
	EndUser string   `json:"end_user"`
	// Metadata is what the router and the caller know of it, in LiteLLM's words.
	Metadata json.RawMessage `json:"metadata"`
	// Error is nil on success.
	Error *EventError `json:"error_information"`
	// Raw is the whole event as the library gave it.
	Raw json.RawMessage `json:"-"`
}

// EventError is why an attempt or a call failed.
type EventError struct {
	Class        string `json:"error_class"` // Such as "RateLimitError".
	Code         string `json:"error_code"`  // The HTTP status; empty if there was none.
	Message      string `json:"error_message"`
	Provider     string `json:"llm_provider"`
	ProviderCode string `json:"provider_code"` // The provider's own code.
	// ProviderRequestID is what the provider calls the request by; empty if it did not say.
	ProviderRequestID string `json:"error_provider_request_id"`
	// RetryAfter is how long the provider asks to wait; 0 if it does not.
	RetryAfter time.Duration `json:"-"`
}

// Phases are where the time of an attempt or a call went. All of them together are Total.
type Phases struct {
	Resolve      time.Duration // The name was looked up; 0 on a connection that was there.
	Connect      time.Duration // TCP and TLS; 0 on a connection that was there.
	Headers      time.Duration // From there to the answer's headers.
	FirstContent time.Duration // From there to a stream's first content, or to the end of a whole answer.
	Stream       time.Duration // The rest of a stream.
	Router       time.Duration // Of a call: beside its attempts, waits included.
	Total        time.Duration
}

// IsCall says whether a call has ended, else an attempt.
func (e *RouterEvent) IsCall() bool { return e.Event == "call" }

// UnmarshalJSON reads the times.
func (e *RouterEvent) UnmarshalJSON(data []byte) error {
	type plain RouterEvent
	timed := struct {
		*plain
		Start      float64 `json:"startTime"`
		End        float64 `json:"endTime"`
		OverheadMS float64 `json:"overhead_ms"`
		TTFTMS     float64 `json:"ttft_ms"`
	}{plain: (*plain)(e)}
	err := json.Unmarshal(data, &timed)
	e.Start, e.End = second(timed.Start), second(timed.End)
	e.Overhead, e.TTFT = milliseconds(timed.OverheadMS), milliseconds(timed.TTFTMS)
	return err
}

// UnmarshalJSON reads the time, which is seconds.
func (e *EventError) UnmarshalJSON(data []byte) error {
	type plain EventError
	timed := struct {
		*plain
		RetryAfter float64 `json:"retry_after"`
	}{plain: (*plain)(e)}
	err := json.Unmarshal(data, &timed)
	e.RetryAfter = milliseconds(timed.RetryAfter * 1000)
	return err
}

// UnmarshalJSON reads the times, which are milliseconds.
func (p *Phases) UnmarshalJSON(data []byte) error {
	var timed struct {
		Resolve      float64 `json:"resolve_ms"`
		Connect      float64 `json:"connect_ms"`
		Headers      float64 `json:"headers_ms"`
		FirstContent float64 `json:"first_content_ms"`
		Stream       float64 `json:"stream_ms"`
		Router       float64 `json:"router_ms"`
		Total        float64 `json:"total_ms"`
	}
	err := json.Unmarshal(data, &timed)
	*p = Phases{
		Resolve: milliseconds(timed.Resolve), Connect: milliseconds(timed.Connect), Headers: milliseconds(timed.Headers),
		FirstContent: milliseconds(timed.FirstContent), Stream: milliseconds(timed.Stream),
		Router: milliseconds(timed.Router), Total: milliseconds(timed.Total),
	}
	return err
}

// second is a moment in seconds since 1970, to the microsecond: a float has no finer digits.
func second(seconds float64) time.Time {
	return time.UnixMicro(int64(math.Round(seconds * 1e6)))
}
