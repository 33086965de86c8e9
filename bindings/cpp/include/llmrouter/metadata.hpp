/// What the router adds to an answer: who gave it, what was tried, what it took.
#ifndef LLMROUTER_METADATA_HPP
#define LLMROUTER_METADATA_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"
#include "plan.hpp"

namespace llmrouter {

/// One attempt of a call, or a deployment or group that was passed over.
struct Attempt {
    std::optional<std::string> deployment;  ///< none for a group that was passed over
    std::string model_group;
    std::optional<int> status;         ///< HTTP status; none if no answer came
    std::optional<std::string> error;  ///< class, such as "RateLimitError"; none if it answered
    double ms = 0;                     ///< how long it took, milliseconds
    std::optional<std::string> skipped;  ///< why it was passed over
};

/// Tokens that a call used. Input and output tokens, as some verbs call them, are those of prompt and completion.
struct Usage {
    std::int64_t prompt_tokens = 0;
    std::int64_t completion_tokens = 0;
    std::int64_t total_tokens = 0;
};

/// What the router knows of a call that was answered.
struct Metadata {
    std::uint64_t call_id = 0;
    std::string deployment;  ///< id of the deployment that answered
    std::string model_group;
    std::string provider;
    std::string model;  ///< the provider's name for the model
    std::optional<std::string> api_base;
    std::vector<Attempt> attempts;  ///< in order, the answering one last
    int fallbacks = 0;              ///< groups left behind
    bool cache_hit = false;                ///< answered by what was kept: nothing was sent, the cost is 0
    std::optional<std::string> cache_key;  ///< of a hit: what it was kept under
    std::optional<Usage> usage;
    std::optional<double> cost;  ///< US dollars; none if the price is not known
    double latency_ms = 0;       ///< the whole call, milliseconds
    double overhead_ms = 0;      ///< the router's own share of it, milliseconds
    std::vector<std::string> dropped_params;     ///< request members that were taken off
    std::optional<Plan> explain;                 ///< if the request has `"metadata": {"explain": true}`
    std::optional<std::string> content_type;     ///< what the answer is; none for JSON
    std::map<std::string, std::string> headers;  ///< the provider's rate-limit, retry-after and request-id headers
    std::optional<double> ttft_ms;               ///< of a stream: until its first content, milliseconds
    bool usage_estimated = false;                ///< of a stream: the provider did not say; the router counted
};

namespace detail {

inline std::vector<Attempt> attempts(Json list) {
    std::vector<Attempt> attempts;
    list.elements([&attempts](Json one) {
        Attempt attempt;
        attempt.deployment = one["deployment"].optional_string();
        attempt.model_group = one["model_group"].string();
        attempt.status = one["status"].integer<int>();
        attempt.error = one["error"].optional_string();
        attempt.ms = one["ms"].real().value_or(0);
        attempt.skipped = one["skipped"].optional_string();
        attempts.push_back(std::move(attempt));
    });
    return attempts;
}

inline std::optional<Usage> usage(Json json) {
    if (!json) return std::nullopt;
    const auto count = [json](std::string_view name, std::string_view other) {
        const auto counted = json[name].integer<std::int64_t>();
        return counted ? *counted : json[other].integer<std::int64_t>().value_or(0);
    };
    Usage usage;
    usage.prompt_tokens = count("prompt_tokens", "input_tokens");
    usage.completion_tokens = count("completion_tokens", "output_tokens");
    usage.total_tokens = json["total_tokens"].integer<std::int64_t>().value_or(0);
    return usage;
}

inline Metadata metadata(std::string_view text) {
    const Json json(text);
    Metadata metadata;
    metadata.call_id = json["call_id"].integer<std::uint64_t>().value_or(0);
    metadata.deployment = json["deployment"].string();
    metadata.model_group = json["model_group"].string();
    metadata.provider = json["provider"].string();
    metadata.model = json["model"].string();
    metadata.api_base = json["api_base"].optional_string();
    metadata.attempts = attempts(json["attempts"]);
    metadata.fallbacks = json["fallbacks"].integer<int>().value_or(0);
    metadata.cache_hit = json["cache_hit"].is_true();
    metadata.cache_key = json["cache_key"].optional_string();
    metadata.usage = usage(json["usage"]);
    metadata.cost = json["cost"].real();
    metadata.latency_ms = json["latency_ms"].real().value_or(0);
    metadata.overhead_ms = json["overhead_ms"].real().value_or(0);
    metadata.dropped_params = strings(json["dropped_params"]);
    if (const Json explain = json["explain"]) metadata.explain = plan(explain);
    metadata.content_type = json["content_type"].optional_string();
    json["headers"].members([&](std::string name, Json value) { metadata.headers[std::move(name)] = value.string(); });
    metadata.ttft_ms = json["ttft_ms"].real();
    metadata.usage_estimated = json["usage_estimated"].is_true();
    return metadata;
}

}  // namespace detail
}  // namespace llmrouter

#endif
