package llmrouter

import (
	"encoding/json"
	"math"
	"time"
)

// Metadata is what the router knows of an answer. What a deployment has none of is empty.
type Metadata struct {
	CallID     uint64 `json:"call_id"`     // The number of the call in its router.
	Deployment string `json:"deployment"`  // The id of the deployment that answered.
	ModelGroup string `json:"model_group"` // The group it answered for.
	Provider   string `json:"provider"`
	Model      string `json:"model"` // The provider's name of the model.
	APIBase    string `json:"api_base"`
	// Attempts are all that were made, the answering one last.
	Attempts []Attempt `json:"attempts"`
	// Fallbacks counts the groups left behind.
	Fallbacks int `json:"fallbacks"`
	// CacheHit says that a kept answer was given: nothing was sent, and the cost is 0. CacheKey is what it was kept under.
	CacheHit bool   `json:"cache_hit"`
	CacheKey string `json:"cache_key,omitempty"`
	// Usage is nil if the provider reported none. UsageEstimated says that a stream broke off before it was reported,
	// and that the router estimated it.
	Usage          *Usage `json:"usage"`
	UsageEstimated bool   `json:"usage_estimated,omitempty"`
	// Cost is in US dollars; nil if the price is unknown.
	Cost *float64 `json:"cost"`
	// Latency is the whole call; Overhead is the router's own part of it.
	Latency  time.Duration `json:"-"`
	Overhead time.Duration `json:"-"`
	// TTFT is the time to the first content of a stream; 0 for a whole answer.
	TTFT time.Duration `json:"-"`
	// DroppedParams are options of the request that had no effect and were not sent.
	DroppedParams []string `json:"dropped_params"`
	// Explain is what was planned; nil unless the request's metadata has explain: true.
	Explain *Plan `json:"explain,omitempty"`
	// ContentType is what the answer is; empty for JSON.
	ContentType string `json:"content_type,omitempty"`
	// Headers are the provider's, on rate limits, retries and request ids; names are in lower case.
	Headers map[string]string `json:"headers"`
}

// Attempt is one deployment that was asked, or a deployment or group that was passed over.
type Attempt struct {
	Deployment string `json:"deployment"` // Empty for a group that was passed over.
	ModelGroup string `json:"model_group"`
	Status     int    `json:"status"` // HTTP; 0 if there was no answer.
	Error      string `json:"error"`  // The class; empty on success.
	// Skipped is why it was passed over; empty if it was not.
	Skipped string        `json:"skipped"`
	Took    time.Duration `json:"-"`
}

// UnmarshalJSON reads the times, which are milliseconds.
func (m *Metadata) UnmarshalJSON(data []byte) error {
	type plain Metadata
	timed := struct {
		*plain
		LatencyMS  float64 `json:"latency_ms"`
		OverheadMS float64 `json:"overhead_ms"`
		TTFTMS     float64 `json:"ttft_ms"`
	}{plain: (*plain)(m)}
	err := json.Unmarshal(data, &timed)
	m.Latency, m.Overhead = milliseconds(timed.LatencyMS), milliseconds(timed.OverheadMS)
	m.TTFT = milliseconds(timed.TTFTMS)
	return err
}

// UnmarshalJSON reads the time, which is milliseconds.
func (a *Attempt) UnmarshalJSON(data []byte) error {
	type plain Attempt
	timed := struct {
		*plain
		MS float64 `json:"ms"`
	}{plain: (*plain)(a)}
	err := json.Unmarshal(data, &timed)
	a.Took = milliseconds(timed.MS)
	return err
}

func milliseconds(number float64) time.Duration {
	return time.Duration(math.Round(number * float64(time.Millisecond)))
}
