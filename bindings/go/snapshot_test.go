package llmrouter_test

import (
	"context"
	"strings"
	"testing"
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
