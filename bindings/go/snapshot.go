package llmrouter

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"time"
)

// Snapshot is the state of a router at one moment.
type Snapshot struct {
	Version  string         `json:"version"`   // The library's.
	InFlight int            `json:"in_flight"` // Attempts that run now.
	Waiting  int            `json:"waiting"`   // Calls that wait for a deployment to return.
	Groups   []Group        `json:"groups"`
	Aliases  []Alias        `json:"aliases"`
	Budgets  []BudgetStatus `json:"budgets"`
	Cache    *CacheStatus   `json:"cache"` // Nil without a response cache.
	Store    *StoreStatus   `json:"store"` // What processes share their state through; nil if nothing is shared.
	// Callbacks are those who are told of calls: the event listener, the metrics, and the callbacks of the configuration.
	Callbacks []CallbackStatus `json:"callbacks"`
	Warnings  []Warning        `json:"warnings"` // What the configuration has that has no effect.
	// Raw is the whole snapshot as the library gave it.
	Raw json.RawMessage `json:"-"`
}

// Group is a model group with its deployments, in the order of the configuration.
type Group struct {
	Name        string             `json:"name"`
	State       string             `json:"state"` // "healthy" (all are), "partial" or "down" (none is).
	Strategy    string             `json:"strategy"`
	InFlight    int                `json:"in_flight"` // Of all its deployments, as RPM and TPM.
	RPM         uint64             `json:"rpm"`
	TPM         uint64             `json:"tpm"`
	Spend       *float64           `json:"spend"` // Nil unless that of each deployment is known.
	Deployments []DeploymentStatus `json:"deployments"`
}

// Alias is another name of a group.
type Alias struct {
	Name       string `json:"name"`
	ModelGroup string `json:"model_group"` // Empty if there is no such group.
	Hidden     bool   `json:"hidden"`
}

// BudgetStatus is a budget and what was spent of it in the running period.
type BudgetStatus struct {
	Kind  string  `json:"kind"` // "provider", "deployment" or "tag".
	Name  string  `json:"name"`
	Limit float64 `json:"limit"` // Dollars.
	Spent float64 `json:"spent"`
	// Period is how long it goes, and ResetsAt when it begins anew: zero while nothing was spent.
	Period   time.Duration `json:"-"`
	ResetsAt time.Time     `json:"-"`
}

// CallbackStatus is how somebody is who is told of calls.
type CallbackStatus struct {
	Name    string `json:"name"`  // As the configuration calls it; "listener" for the event listener.
	State   string `json:"state"` // "on", "failing" or "off".
	Sent    uint64 `json:"sent"`  // Events, spans or lines.
	Lost    uint64 `json:"lost"`  // What came too fast, or could not be delivered.
	Waiting uint64 `json:"waiting"`
	// Since is when the state changed last; zero if it has not.
	Since     time.Time `json:"-"`
	LastError string    `json:"last_error"` // Or why it is off.
}

// Limits are what a deployment may be asked; nil where it has no such limit.
type Limits struct {
	RPM                 *uint64 `json:"rpm"`  // Requests a minute.
	TPM                 *uint64 `json:"tpm"`  // Tokens a minute.
	ITPM                *uint64 `json:"itpm"` // Those of prompts alone.
	OTPM                *uint64 `json:"otpm"` // Those of answers alone.
	MaxParallelRequests *uint64 `json:"max_parallel_requests"`
}

// Left is what of the limits is left of the last minute; nil where there is no limit.
type Left struct {
	Requests     *uint64 `json:"requests"`
	Tokens       *uint64 `json:"tokens"`
	InputTokens  *uint64 `json:"input_tokens"`
	OutputTokens *uint64 `json:"output_tokens"`
}

// DeploymentStatus is how a deployment is.
type DeploymentStatus struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Model    string `json:"model"` // The provider's name of it.
	APIBase  string `json:"api_base"`
	// State is "healthy", "cooling" (failed, and rests) or "blocked" (can't be used at all).
	State string `json:"state"`
	Cause string `json:"cause"` // Of a state other than "healthy".
	// FromFleet tells that another process had the failure.
	FromFleet bool `json:"from_fleet"`
	// Since and Until bound the rest of a cooling deployment; zero else.
	Since    time.Time `json:"-"`
	Until    time.Time `json:"-"`
	InFlight int       `json:"in_flight"`
	RPM      uint64    `json:"rpm"` // Requests of the last minute, those of other processes included.
	TPM      uint64    `json:"tpm"` // Tokens of the last minute, likewise.
	Limits   Limits    `json:"limits"`
	Left     Left      `json:"left"`
	// Latency is the time of an answer, for each token of it where they are told, and TTFT that to the first content of
	// a stream, as strategies reckon with them: a failure counts as 1000 s for a minute. 0 if nobody has measured it.
	Latency   time.Duration `json:"-"`
	TTFT      time.Duration `json:"-"`
	Succeeded uint64        `json:"succeeded"` // Calls since the router was made.
	Failed    uint64        `json:"failed"`
	// Spend is in dollars since the router was made; nil where costs are not reckoned or not known.
	Spend  *float64 `json:"spend"`
	Weight *float64 `json:"weight"` // Nil unless set, as Order.
	Order  *int64   `json:"order"`
	Tags   []string `json:"tags"`
}

// CacheStatus is how the response cache is.
type CacheStatus struct {
	Entries  int    `json:"entries"`
	Bytes    uint64 `json:"bytes"` // In memory, of at most MaxBytes.
	MaxBytes uint64 `json:"max_bytes"`
	Hits     uint64 `json:"hits"`
	Misses   uint64 `json:"misses"`
	Joined   uint64 `json:"joined"` // Calls that waited for an equal one.
	Stored   uint64 `json:"stored"`
	Evicted  uint64 `json:"evicted"`
	// Shared is what other processes see, too; nil if there is no such place.
	Shared *SharedCacheStatus `json:"shared"`
}

// SharedCacheStatus is how the part of the response cache is that processes share.
type SharedCacheStatus struct {
	Name      string `json:"name"`      // What it is, and where.
	State     string `json:"state"`     // "ready" or "away".
	Hits      uint64 `json:"hits"`      // Answers that came from there.
	Unwritten uint64 `json:"unwritten"` // Answers that could not be put there.
}

// StoreStatus is how a process stands to what it shares its state through.
type StoreStatus struct {
	Engine string `json:"engine"` // What it is, and where.
	// State is "shared", or "alone" while it is away; then Mode ("fail_open", "fail_closed", "local_share") says what holds.
	State     string    `json:"state"`
	Mode      string    `json:"mode"`
	Since     time.Time `json:"-"`          // Of the state.
	LastError string    `json:"last_error"` // The last failure, also when it is over.
	Processes int       `json:"processes"`  // That lately used a deployment which this one uses, itself included.
	Pending   int       `json:"pending"`    // What it was not told of yet.
	Misses    uint64    `json:"misses"`     // Waits of calls that had no answer.
}

// Warning is a setting that has no effect.
type Warning struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Snapshot returns the state of every group and deployment. It fails with [ErrShutDown] after [Router.Close].
func (r *Router) Snapshot() (*Snapshot, error) {
	if !r.cross() {
		return nil, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	var length C.size_t
	text := C.router_snapshot(r.handle, &length)
	if text == nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the library gave no snapshot")
	}
	snapshot := &Snapshot{Raw: takeText(text, length)}
	if err := json.Unmarshal(snapshot.Raw, snapshot); err != nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the library's snapshot can't be read: "+err.Error())
	}
	return snapshot, nil
}

// UnmarshalJSON reads the times, which are Unix milliseconds, and the durations, which are milliseconds.
func (d *DeploymentStatus) UnmarshalJSON(data []byte) error {
	type plain DeploymentStatus
	timed := struct {
		*plain
		Since   *int64  `json:"since"`
		Until   *int64  `json:"until"`
		Latency float64 `json:"latency_ms"`
		TTFT    float64 `json:"ttft_ms"`
	}{plain: (*plain)(d)}
	err := json.Unmarshal(data, &timed)
	d.Since, d.Until = moment(timed.Since), moment(timed.Until)
	d.Latency, d.TTFT = milliseconds(timed.Latency), milliseconds(timed.TTFT)
	return err
}

// UnmarshalJSON reads the time, which is Unix milliseconds, and the period, which is seconds.
func (b *BudgetStatus) UnmarshalJSON(data []byte) error {
	type plain BudgetStatus
	timed := struct {
		*plain
		Period   float64 `json:"period_s"`
		ResetsAt *int64  `json:"resets_at"`
	}{plain: (*plain)(b)}
	err := json.Unmarshal(data, &timed)
	b.Period, b.ResetsAt = milliseconds(timed.Period*1000), moment(timed.ResetsAt)
	return err
}

// UnmarshalJSON reads the time, which is Unix milliseconds.
func (c *CallbackStatus) UnmarshalJSON(data []byte) error {
	type plain CallbackStatus
	timed := struct {
		*plain
		Since *int64 `json:"since"`
	}{plain: (*plain)(c)}
	err := json.Unmarshal(data, &timed)
	c.Since = moment(timed.Since)
	return err
}

// UnmarshalJSON reads the time, which is Unix milliseconds.
func (s *StoreStatus) UnmarshalJSON(data []byte) error {
	type plain StoreStatus
	timed := struct {
		*plain
		Since *int64 `json:"since"`
	}{plain: (*plain)(s)}
	err := json.Unmarshal(data, &timed)
	s.Since = moment(timed.Since)
	return err
}

func moment(milliseconds *int64) time.Time {
	if milliseconds == nil {
		return time.Time{}
	}
	return time.UnixMilli(*milliseconds)
}
