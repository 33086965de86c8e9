package llmrouter

// #include "shim.h"
import "C"

import (
	"bytes"
	"encoding/json"
	"time"
	"unsafe"
)

// Plan is what would happen to a request.
type Plan struct {
	Model string `json:"model"` // As the request names it.
	// Resolved is what that leads to; nil if it leads nowhere and fallbacks answer in its stead.
	Resolved *Resolved `json:"resolved"`
	Strategy string    `json:"strategy"` // The router's.
	// Order are the groups that would be visited, each if those before it failed by a fault of their servers.
	Order []string `json:"order"`
	// Groups are the same, with those that would be passed over among them.
	Groups    []PlannedGroup   `json:"groups"`
	Fallbacks PlannedFallbacks `json:"fallbacks"`
	// MaxFallbacks is how many groups are visited after the first.
	MaxFallbacks int `json:"max_fallbacks"`
	// Deadline is for the whole call; 0 if there is none.
	Deadline time.Duration `json:"-"`
	// Raw is the whole plan as the library gave it.
	Raw json.RawMessage `json:"-"`
}

// Resolved is what a name leads to.
type Resolved struct {
	Group string `json:"group"`
	// How is the rule: "group", "alias", "wildcard", "deployment", "model" or "default_fallback".
	How string `json:"how"`
}

// PlannedGroup is a group that would be visited, or passed over.
type PlannedGroup struct {
	Name  string `json:"name"`
	Asked string `json:"asked"` // The name that led here.
	How   string `json:"how"`   // By which rule, as in [Resolved]; empty if it leads nowhere.
	// Skipped is why it would be passed over; empty if it would not.
	Skipped  string `json:"skipped"`
	Strategy string `json:"strategy"` // How a deployment is chosen; empty if it leads nowhere.
	// Retries is how many attempts follow the first, unless a retry policy says otherwise.
	Retries     int                 `json:"retries"`
	Deployments []PlannedDeployment `json:"deployments"` // In the order of the configuration.
}

// PlannedDeployment is a deployment of a group that would be visited.
type PlannedDeployment struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Model    string `json:"model"` // The provider's name of it.
	// Order is its level: those of a lower one are asked first. Nil if it has none.
	Order *int64 `json:"order"`
	// Share is the chance to be asked first, from 0 to 1.
	Share float64 `json:"share"`
	// Score is what the group's strategy judges it by: its weight (or rpm, or tpm) by "simple-shuffle", else the least
	// wins: calls in flight, tokens of the last minute, seconds, dollars a token. Nil if nothing is known of it.
	Score    *float64 `json:"score"`
	InFlight int      `json:"in_flight"`
	// Timeout is for an attempt; 0 for a deployment that can't be used.
	Timeout time.Duration `json:"-"`
	// Skipped is why it would not be asked now; empty if it might.
	Skipped string `json:"skipped"`
}

// PlannedFallbacks are the groups that answer after a failure of the one that was asked for, by its kind.
type PlannedFallbacks struct {
	Generic       []string `json:"generic"`
	ContextWindow []string `json:"context_window"`
	ContentPolicy []string `json:"content_policy"`
	Source        string   `json:"source"` // "request" or "lists".
}

// Explain returns what would happen to a request now, without sending anything and without waiting. It fails as the call
// would fail before it sends.
func (r *Router) Explain(request ChatRequest) (*Plan, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	return r.ExplainRaw(text)
}

// ExplainRaw is [Router.Explain] for a request that is JSON already.
func (r *Router) ExplainRaw(request json.RawMessage) (*Plan, error) {
	if !r.cross() {
		return nil, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	var length C.size_t
	var failed *C.router_error_t
	text := (*C.char)(unsafe.Pointer(unsafe.SliceData(request)))
	explained := C.router_explain(r.handle, text, C.size_t(len(request)), &length, &failed)
	if explained == nil {
		return nil, takeError(failed)
	}
	plan := new(Plan)
	if err := json.Unmarshal(takeText(explained, length), plan); err != nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the library's plan can't be read: "+err.Error())
	}
	return plan, nil
}

// UnmarshalJSON reads the deadline, which is in seconds, and keeps the whole in Raw.
func (p *Plan) UnmarshalJSON(data []byte) error {
	type plain Plan
	timed := struct {
		*plain
		Deadline float64 `json:"deadline"`
	}{plain: (*plain)(p)}
	err := json.Unmarshal(data, &timed)
	p.Deadline, p.Raw = milliseconds(timed.Deadline*1e3), bytes.Clone(data)
	return err
}

// UnmarshalJSON reads the time-out, which is in seconds.
func (d *PlannedDeployment) UnmarshalJSON(data []byte) error {
	type plain PlannedDeployment
	timed := struct {
		*plain
		Timeout float64 `json:"timeout"`
	}{plain: (*plain)(d)}
	err := json.Unmarshal(data, &timed)
	d.Timeout = milliseconds(timed.Timeout * 1e3)
	return err
}
