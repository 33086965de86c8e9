package llmrouter_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// What was learnt of a deployment is in the snapshot, and in the plan where the strategy goes by it.
func TestUseAndLatency(t *testing.T) {
	router := open(t, strings.Replace(mock("5"), "num_retries: 0", "routing_strategy: usage-based-routing-v2", 1))
	before, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if fresh := before.Groups[0].Deployments[0]; fresh.RPM != 0 || fresh.TPM != 0 || fresh.Latency != 0 || fresh.TTFT != 0 {
		t.Errorf("%+v", fresh)
	}
	answer, err := router.Completion(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := router.Stream(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Response(); err != nil {
		t.Fatal(err)
	}
	after, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	used := after.Groups[0].Deployments[0]
	// The answer of 5 ms is told for each of its tokens; the stream's first content is waited for as a whole.
	if used.RPM != 2 || used.TPM < uint64(answer.Metadata().Usage.TotalTokens) || used.Latency <= 0 || used.TTFT <= used.Latency {
		t.Errorf("%+v of %s", used, after.Raw)
	}
	plan, err := router.Explain(question)
	if err != nil {
		t.Fatal(err)
	}
	group := plan.Groups[0]
	if score := group.Deployments[0].Score; group.Strategy != "usage-based-routing-v2" || score == nil || *score != float64(used.TPM) {
		t.Errorf("%s", plan.Raw)
	}
}

// Limits with what is left of them, what a deployment has cost, budgets, groups and aliases.
func TestLimitsAndSpend(t *testing.T) {
	const config = `model_list:
  - model_name: g
    litellm_params: {model: openai/m, mock_response: x, rpm: 9, tpm: 900, weight: 1.5, order: 1, tags: [eu, free],
                     max_parallel_requests: 7, input_cost_per_token: 0.5, output_cost_per_token: 0.25}
  - {model_name: h, litellm_params: {model: openai/m, mock_error: 429}}
router_settings: {num_retries: 0, allowed_fails: 0, model_group_alias: {a: g, b: nobody},
                  provider_budget_config: {openai: {budget_limit: 100, time_period: 1h}}}
`
	router := open(t, config)
	start := time.Now()
	for _, model := range []string{"g", "g", "h"} {
		_, _ = router.CompletionRaw(context.Background(), []byte(`{"model": "`+model+`", "messages": []}`))
	}
	snapshot := snapshotOf(t, router)
	if len(snapshot.Groups) != 2 || snapshot.InFlight != 0 || snapshot.Waiting != 0 {
		t.Fatalf("%s", snapshot.Raw)
	}
	g, h := snapshot.Groups[0], snapshot.Groups[1]
	if g.State != "healthy" || h.State != "down" || g.Strategy != "simple-shuffle" || g.RPM != 2 || g.TPM != 60 || *g.Spend != 20 {
		t.Errorf("%+v, %+v", g, h)
	}
	one, none := g.Deployments[0], h.Deployments[0]
	if *one.Limits.RPM != 9 || *one.Limits.TPM != 900 || *one.Limits.MaxParallelRequests != 7 || one.Limits.ITPM != nil || one.Limits.OTPM != nil {
		t.Errorf("%+v", one.Limits)
	}
	if *one.Left.Requests != 7 || *one.Left.Tokens != 840 || one.Left.InputTokens != nil || one.Left.OutputTokens != nil {
		t.Errorf("%+v", one.Left)
	}
	if *one.Spend != 20 || *one.Weight != 1.5 || *one.Order != 1 || strings.Join(one.Tags, " ") != "eu free" {
		t.Errorf("%+v", one)
	}
	if none.Limits.RPM != nil || none.Weight != nil || none.Order != nil || len(none.Tags) != 0 || *none.Spend != 0 || none.Cause != "RateLimitError" {
		t.Errorf("%+v", none)
	}
	budget := snapshot.Budgets[0]
	if budget.Kind != "provider" || budget.Name != "openai" || budget.Limit != 100 || budget.Spent != 20 || budget.Period != time.Hour ||
		budget.ResetsAt.Before(start.Add(time.Hour-time.Second)) || budget.ResetsAt.After(time.Now().Add(time.Hour)) {
		t.Errorf("%+v", budget)
	}
	if len(snapshot.Aliases) != 2 || snapshot.Aliases[0] != (llmrouter.Alias{Name: "a", ModelGroup: "g"}) || snapshot.Aliases[1].ModelGroup != "" {
		t.Errorf("%+v", snapshot.Aliases)
	}
	if plain := snapshotOf(t, open(t, mock("0"))).Groups[0]; plain.Spend != nil || plain.Deployments[0].Spend != nil {
		t.Errorf("%+v", plain)
	}
}

func TestCallbacksInTheSnapshot(t *testing.T) {
	config := mock("0") + "litellm_settings: {failure_callback: [sentry]}\n"
	router := open(t, config)
	if err := router.SetEventListener(func(llmrouter.RouterEvent) {}); err != nil {
		t.Fatal(err)
	}
	told := snapshotOf(t, router).Callbacks
	if len(told) != 2 || told[0].Name != "listener" || told[0].State != "on" || told[1].Name != "sentry" ||
		told[1].State != "off" || !strings.Contains(told[1].LastError, "SENTRY_DSN") || !told[1].Since.IsZero() {
		t.Errorf("%+v", told)
	}
}

func snapshotOf(t *testing.T, router *llmrouter.Router) *llmrouter.Snapshot {
	t.Helper()
	snapshot, err := router.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// A cache and a store whose Redis nobody is: what was kept is in memory, and both say that they are alone.
func TestCacheAndStoreThatAreAway(t *testing.T) {
	start := time.Now().Truncate(time.Millisecond)
	address := strings.TrimPrefix(deadPort(t), "http://")
	router := open(t, mock("0")+"litellm_settings: {cache: true, cache_params: {type: redis, url: 'redis://"+address+"'}}\n"+
		"llmrouter_settings: {redis_failure: local_share}\n")
	for i := range 2 {
		answer, err := router.Completion(context.Background(), question)
		if err != nil {
			t.Fatal(err)
		}
		metadata := answer.Metadata()
		if metadata.CacheHit != (i == 1) || (metadata.CacheKey != "") != (i == 1) || (len(metadata.Attempts) == 0) != (i == 1) {
			t.Errorf("%s", answer.RawMetadata)
		}
	}
	eventually(t, func() bool {
		snapshot := snapshotOf(t, router)
		return snapshot.Store.State == "alone" && snapshot.Store.LastError != "" && snapshot.Cache.Shared.Unwritten > 0
	})
	snapshot := snapshotOf(t, router)
	store := snapshot.Store
	if store.Engine != "redis "+address || store.Mode != "local_share" || !strings.Contains(store.LastError, "connection refused") ||
		store.Since.Before(start) || store.Since.After(time.Now()) || store.Processes != 1 {
		t.Errorf("%+v", store)
	}
	cache := snapshot.Cache
	if cache.Entries != 1 || cache.Hits != 1 || cache.Stored != 1 || cache.Bytes == 0 || cache.Bytes > cache.MaxBytes ||
		cache.Shared.Name != "redis "+address {
		t.Errorf("%+v, %+v", cache, cache.Shared)
	}
	if plain := snapshotOf(t, open(t, mock("0"))); plain.Cache != nil || plain.Store != nil {
		t.Errorf("%s", plain.Raw)
	}
}

// Two routers over one file: what fails in the first rests in the second.
func TestRestOfAnotherProcess(t *testing.T) {
	shared := "llmrouter_settings: {shared_state: {file: " + filepath.Join(t.TempDir(), "state") + "}}\n"
	config := strings.Replace(mock("0"), "mock_response: mocked", "mock_error: 401", 1) + shared
	first, second := open(t, config), open(t, config)
	if _, err := first.Completion(context.Background(), question); err == nil {
		t.Fatal("it was to fail")
	}
	eventually(t, func() bool { return snapshotOf(t, second).Groups[0].Deployments[0].State == "cooling" })
	own, told := snapshotOf(t, first).Groups[0].Deployments[0], snapshotOf(t, second).Groups[0].Deployments[0]
	if own.FromFleet || !told.FromFleet || told.Cause != own.Cause || !told.Until.After(time.Now()) {
		t.Errorf("%+v, %+v", own, told)
	}
	if store := snapshotOf(t, second).Store; store.State != "shared" || !strings.Contains(store.Engine, "state") {
		t.Errorf("%+v", store)
	}
}
