// The state of a router, read into types.

#include <chrono>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "check.hpp"
#include "expect.hpp"
#include "provider.hpp"

using llmrouter::Router;
using nlohmann::json;

/// A Redis that nobody is, a deployment that rests, a warning, and a cache with a hit.
TEST("the state, typed, is what the JSON says") {
    const DeadPort dead;
    const Router router = Router::from_yaml(replaced(
        "model_list:\n"
        "  - {model_name: g, litellm_params: {model: openai/m, mock_error: RateLimitError}, model_info: {id: a}}\n"
        "  - model_name: h\n"
        "    litellm_params: {model: openai/m, mock_response: x, rpm: 9, tpm: 900, weight: 1.5, order: 1, tags: [eu, free],\n"
        "                     max_parallel_requests: 7, input_cost_per_token: 0.5, output_cost_per_token: 0.25}\n"
        "    model_info: {id: b}\n"
        "router_settings: {num_retries: 0, fallbacks: [{g: [h, nobody]}], cooldown_time: 60, allowed_fails: 0,\n"
        "                  model_group_alias: {i: h}, provider_budget_config: {openai: {budget_limit: 100, time_period: 1h}}}\n"
        "litellm_settings: {cache: true, cache_params: {type: redis, url: '{{dead}}'}}\n"
        "llmrouter_settings: {redis_failure: local_share}\n",
        "{{dead}}", replaced(dead.url(), "http://", "redis://")));
    for (int i = 0; i < 2; ++i) router.completion(R"({"model": "h", "messages": []})");
    try {
        router.completion(R"({"model": "g", "messages": [{"role": "user", "content": "other"}]})");
    } catch (const llmrouter::Error&) {
    }
    // Both have found out that nobody is there.
    CHECK(check::eventually([&] {
        const auto status = router.status();
        return status.store.value().state == "alone" && status.store->last_error && status.cache.value().shared->unwritten > 0;
    }));
    router.set_event_listener([](const llmrouter::RouterEvent&) {});
    // One text, read twice: what goes on in the background would differ between two.
    const std::string text = router.snapshot();
    const json raw = json::parse(text);
    const llmrouter::Snapshot typed = llmrouter::detail::snapshot(text);
    const auto ms = [](const std::optional<llmrouter::Moment>& moment) {
        if (!moment) return json();
        return json(std::chrono::duration_cast<std::chrono::milliseconds>(moment->time_since_epoch()).count());
    };
    const auto number = [](const std::optional<double>& value) { return value ? json(*value) : json(); };
    const auto count = [](const std::optional<std::uint64_t>& value) { return value ? json(*value) : json(); };
    json groups = json::array(), warnings = json::array(), aliases = json::array(), budgets = json::array();
    json callbacks = json::array();
    for (const auto& group : typed.groups) {
        json deployments = json::array();
        for (const auto& one : group.deployments) {
            deployments.push_back({{"id", one.id}, {"provider", one.provider}, {"model", one.model},
                {"api_base", optional_json(one.api_base)}, {"state", one.state}, {"cause", optional_json(one.cause)},
                {"from_fleet", one.from_fleet}, {"since", ms(one.since)}, {"until", ms(one.until)},
                {"in_flight", one.in_flight}, {"rpm", one.rpm}, {"tpm", one.tpm},
                {"limits", {{"rpm", count(one.limits.rpm)}, {"tpm", count(one.limits.tpm)},
                            {"itpm", count(one.limits.itpm)}, {"otpm", count(one.limits.otpm)},
                            {"max_parallel_requests", count(one.limits.max_parallel_requests)}}},
                {"left", {{"requests", count(one.left.requests)}, {"tokens", count(one.left.tokens)},
                          {"input_tokens", count(one.left.input_tokens)},
                          {"output_tokens", count(one.left.output_tokens)}}},
                {"latency_ms", number(one.latency_ms)}, {"ttft_ms", number(one.ttft_ms)},
                {"succeeded", one.succeeded}, {"failed", one.failed}, {"spend", number(one.spend)},
                {"weight", number(one.weight)}, {"order", one.order ? json(*one.order) : json()}, {"tags", one.tags}});
        }
        groups.push_back({{"name", group.name}, {"state", group.state}, {"strategy", group.strategy},
                          {"in_flight", group.in_flight}, {"rpm", group.rpm}, {"tpm", group.tpm},
                          {"spend", number(group.spend)}, {"deployments", deployments}});
    }
    for (const auto& one : typed.aliases) {
        aliases.push_back({{"name", one.name}, {"model_group", optional_json(one.model_group)}, {"hidden", one.hidden}});
    }
    for (const auto& one : typed.budgets) {
        budgets.push_back({{"kind", one.kind}, {"name", one.name}, {"limit", one.limit}, {"spent", one.spent},
                           {"period_s", one.period_s}, {"resets_at", ms(one.resets_at)}});
    }
    for (const auto& one : typed.callbacks) {
        callbacks.push_back({{"name", one.name}, {"state", one.state}, {"sent", one.sent}, {"lost", one.lost},
                             {"waiting", one.waiting}, {"since", ms(one.since)},
                             {"last_error", optional_json(one.last_error)}});
    }
    for (const auto& one : typed.warnings) {
        warnings.push_back({{"path", one.path}, {"line", one.line}, {"message", one.message}});
    }
    CHECK_SAME(groups, raw["groups"]);
    CHECK_SAME(warnings, raw["warnings"]);
    CHECK_SAME(warnings.size(), 1U);
    CHECK_SAME(typed.version, raw["version"]);
    CHECK_SAME(aliases, raw["aliases"]);
    CHECK_SAME(budgets, raw["budgets"]);
    CHECK_SAME(callbacks, raw["callbacks"]);
    CHECK(typed.callbacks.size() == 1 && typed.callbacks[0].name == "listener" && typed.callbacks[0].state == "on");
    CHECK_SAME(typed.in_flight, raw["in_flight"]);
    CHECK_SAME(typed.waiting, raw["waiting"]);
    CHECK_SAME(typed.groups[0].state, "down");
    const auto& h = typed.groups[1].deployments[0];
    // The first call and the fallback of the third were answered; the second was kept.
    CHECK(h.spend == 20.0 && typed.groups[1].spend == 20.0 && typed.budgets[0].spent == 20.0);
    CHECK(h.limits.rpm == 9U && h.left.requests == 7U && h.tags.size() == 2 && h.order == 1 && h.weight == 1.5);
    CHECK_SAME(typed.groups[0].deployments[0].state, "cooling");

    const auto& cache = typed.cache.value();
    const auto& shared = cache.shared.value();
    CHECK_SAME(cache.hits, 1U);
    const json place{{"name", shared.name}, {"state", shared.state}, {"hits", shared.hits}, {"unwritten", shared.unwritten}};
    const json kept{{"entries", cache.entries}, {"bytes", cache.bytes}, {"max_bytes", cache.max_bytes}, {"hits", cache.hits},
                    {"misses", cache.misses}, {"joined", cache.joined}, {"stored", cache.stored},
                    {"evicted", cache.evicted}, {"shared", place}};
    CHECK_SAME(kept, raw["cache"]);
    const auto& store = typed.store.value();
    const json stands{{"engine", store.engine}, {"state", store.state}, {"mode", store.mode}, {"since", ms(store.since)},
                      {"last_error", optional_json(store.last_error)}, {"processes", store.processes},
                      {"pending", store.pending}, {"misses", store.misses}};
    CHECK_SAME(stands, raw["store"]);
}

TEST("a router without cache and store says so") {
    const auto status = Router::from_yaml("model_list: []").status();
    CHECK(!status.cache && !status.store && status.groups.empty());
}

/// What a call did is in the text that is asked for after it.
TEST("metrics are Prometheus' text") {
    const Router router = Router::from_yaml(
        "model_list: [{model_name: g, litellm_params: {model: openai/m, mock_response: x}, model_info: {id: a}}]");
    CHECK(router.metrics().find("llmrouter_calls_total{") == std::string::npos);
    router.completion(R"({"model": "g", "messages": []})");
    const std::string text = router.metrics();
    CHECK(text.find("# TYPE llmrouter_calls_total counter\n") != std::string::npos);
    const auto place = text.find("litellm_deployment_success_responses_total{");
    CHECK(place != std::string::npos);
    const std::string line = text.substr(place, text.find('\n', place) - place);
    CHECK(line.find("model_id=\"a\"") != std::string::npos);
    CHECK_SAME(line.substr(line.size() - 2), " 1");
}

int main() { return check::run(); }
