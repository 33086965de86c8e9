/// How a router is at one moment: its deployments, its budgets, its cache, what it shares, who is told of calls, and what its configuration warns of.
#ifndef LLMROUTER_SNAPSHOT_HPP
#define LLMROUTER_SNAPSHOT_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace llmrouter {

/// A moment, to the millisecond.
using Moment = std::chrono::system_clock::time_point;

/// What a deployment may be asked; none where it has no such limit.
struct DeploymentLimits {
    std::optional<std::uint64_t> rpm;   ///< requests a minute
    std::optional<std::uint64_t> tpm;   ///< tokens a minute
    std::optional<std::uint64_t> itpm;  ///< those of prompts alone
    std::optional<std::uint64_t> otpm;  ///< those of answers alone
    std::optional<std::uint64_t> max_parallel_requests;
};

/// What of the limits is left of the last minute; none where there is no limit.
struct DeploymentLeft {
    std::optional<std::uint64_t> requests;
    std::optional<std::uint64_t> tokens;
    std::optional<std::uint64_t> input_tokens;
    std::optional<std::uint64_t> output_tokens;
};

/// A deployment as the router sees it.
struct DeploymentStatus {
    std::string id;
    std::string provider;
    std::string model;  ///< the provider's name for the model
    std::optional<std::string> api_base;
    std::string state;                 ///< "healthy", "cooling" (failed, and rests) or "blocked" (can't be used at all)
    std::optional<std::string> cause;  ///< of a state other than "healthy"
    bool from_fleet = false;           ///< another process had the failure, and told
    std::optional<Moment> since;       ///< of its rest
    std::optional<Moment> until;       ///< of its rest
    int in_flight = 0;                 ///< attempts that run now
    std::uint64_t rpm = 0;             ///< requests of the last minute, those of other processes included
    std::uint64_t tpm = 0;             ///< tokens of the last minute, likewise
    DeploymentLimits limits;
    DeploymentLeft left;
    /// Of an answer, for each token of it where they are told; a failure counts as 1,000,000 for a minute. None if nobody
    /// has measured it. Milliseconds.
    std::optional<double> latency_ms;
    std::optional<double> ttft_ms;  ///< to the first content of a stream, likewise
    std::uint64_t succeeded = 0;    ///< calls since the router was made
    std::uint64_t failed = 0;
    std::optional<double> spend;  ///< dollars since the router was made; none where costs are not reckoned or not known
    std::optional<double> weight;
    std::optional<std::int64_t> order;
    std::vector<std::string> tags;
};

/// A model group and its deployments, in the order of the configuration.
struct GroupStatus {
    std::string name;
    std::string state;  ///< "healthy" (all are), "partial" or "down" (none is)
    std::string strategy;
    std::uint64_t in_flight = 0;  ///< of all its deployments, as below
    std::uint64_t rpm = 0;
    std::uint64_t tpm = 0;
    std::optional<double> spend;  ///< none unless that of each is known
    std::vector<DeploymentStatus> deployments;
};

/// Another name of a group.
struct AliasStatus {
    std::string name;
    std::optional<std::string> model_group;  ///< none if there is no such group
    bool hidden = false;
};

/// A budget and what was spent of it in the running period.
struct BudgetStatus {
    std::string kind;  ///< "provider", "deployment" or "tag"
    std::string name;
    double limit = 0;  ///< dollars
    double spent = 0;
    double period_s = 0;
    std::optional<Moment> resets_at;  ///< none while nothing was spent
};

/// How somebody is who is told of calls: the event listener, the metrics, or a callback of the configuration.
struct CallbackStatus {
    std::string name;   ///< as the configuration calls it; "listener" for the event listener
    std::string state;  ///< "on", "failing" or "off"
    std::uint64_t sent = 0;     ///< events, spans or lines
    std::uint64_t lost = 0;     ///< what came too fast, or could not be delivered
    std::uint64_t waiting = 0;  ///< to be sent
    std::optional<Moment> since;            ///< of the last change of state
    std::optional<std::string> last_error;  ///< or why it is off
};

/// The part of the response cache that other processes see, too.
struct SharedCacheStatus {
    std::string name;             ///< what it is, and where
    std::string state;            ///< "ready" or "away"
    std::uint64_t hits = 0;       ///< answers that came from there
    std::uint64_t unwritten = 0;  ///< answers that could not be put there
};

/// How the response cache is.
struct CacheStatus {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  ///< in memory, of at most `max_bytes`
    std::uint64_t max_bytes = 0;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t joined = 0;  ///< calls that waited for an equal one
    std::uint64_t stored = 0;
    std::uint64_t evicted = 0;
    std::optional<SharedCacheStatus> shared;  ///< none without such a place
};

/// How a process stands to what it shares its state through.
struct StoreStatus {
    std::string engine;                     ///< what it is, and where
    std::string state;                      ///< "shared", or "alone" while it is away
    std::string mode;                       ///< what holds while it is away: "fail_open", "fail_closed" or "local_share"
    std::optional<Moment> since;            ///< of the state
    std::optional<std::string> last_error;  ///< the last failure, also when it is over
    int processes = 0;                      ///< that lately used a deployment which this one uses, itself included
    std::uint64_t pending = 0;              ///< what the store was not told of yet
    std::uint64_t misses = 0;               ///< waits of calls that had no answer
};

/// A setting that has no effect, or not the one that was meant.
struct Warning {
    std::string path;  ///< such as "router_settings.num_retries"
    int line = 0;
    std::string message;
};

/// The state of a router at one moment.
struct Snapshot {
    std::string version;          ///< the library's
    std::uint64_t in_flight = 0;  ///< attempts that run now
    std::uint64_t waiting = 0;    ///< calls that wait for a deployment to return
    std::vector<GroupStatus> groups;
    std::vector<AliasStatus> aliases;
    std::vector<BudgetStatus> budgets;
    std::optional<CacheStatus> cache;  ///< none without a response cache
    std::optional<StoreStatus> store;  ///< none if nothing is shared
    std::vector<CallbackStatus> callbacks;
    std::vector<Warning> warnings;
};

namespace detail {

inline std::optional<Moment> moment(Json json) {
    const auto ms = json.integer<std::int64_t>();
    return ms ? std::optional(Moment(std::chrono::milliseconds(*ms))) : std::nullopt;
}

inline std::uint64_t count(Json json) { return json.integer<std::uint64_t>().value_or(0); }

inline DeploymentLimits deployment_limits(Json json) {
    const auto limit = [json](std::string_view name) { return json[name].integer<std::uint64_t>(); };
    return {limit("rpm"), limit("tpm"), limit("itpm"), limit("otpm"), limit("max_parallel_requests")};
}

inline DeploymentLeft deployment_left(Json json) {
    const auto left = [json](std::string_view name) { return json[name].integer<std::uint64_t>(); };
    return {left("requests"), left("tokens"), left("input_tokens"), left("output_tokens")};
}

inline DeploymentStatus deployment_status(Json json) {
    DeploymentStatus deployment;
    deployment.id = json["id"].string();
    deployment.provider = json["provider"].string();
    deployment.model = json["model"].string();
    deployment.api_base = json["api_base"].optional_string();
    deployment.state = json["state"].string();
    deployment.cause = json["cause"].optional_string();
    deployment.from_fleet = json["from_fleet"].is_true();
    deployment.since = moment(json["since"]);
    deployment.until = moment(json["until"]);
    deployment.in_flight = json["in_flight"].integer<int>().value_or(0);
    deployment.rpm = count(json["rpm"]);
    deployment.tpm = count(json["tpm"]);
    deployment.limits = deployment_limits(json["limits"]);
    deployment.left = deployment_left(json["left"]);
    deployment.latency_ms = json["latency_ms"].real();
    deployment.ttft_ms = json["ttft_ms"].real();
    deployment.succeeded = count(json["succeeded"]);
    deployment.failed = count(json["failed"]);
    deployment.spend = json["spend"].real();
    deployment.weight = json["weight"].real();
    deployment.order = json["order"].integer<std::int64_t>();
    json["tags"].elements([&deployment](Json tag) { deployment.tags.push_back(tag.string()); });
    return deployment;
}

inline GroupStatus group_status(Json json) {
    GroupStatus group;
    group.name = json["name"].string();
    group.state = json["state"].string();
    group.strategy = json["strategy"].string();
    group.in_flight = count(json["in_flight"]);
    group.rpm = count(json["rpm"]);
    group.tpm = count(json["tpm"]);
    group.spend = json["spend"].real();
    json["deployments"].elements([&group](Json one) { group.deployments.push_back(deployment_status(one)); });
    return group;
}

inline BudgetStatus budget_status(Json json) {
    BudgetStatus budget;
    budget.kind = json["kind"].string();
    budget.name = json["name"].string();
    budget.limit = json["limit"].real().value_or(0);
    budget.spent = json["spent"].real().value_or(0);
    budget.period_s = json["period_s"].real().value_or(0);
    budget.resets_at = moment(json["resets_at"]);
    return budget;
}

inline CallbackStatus callback_status(Json json) {
    CallbackStatus callback;
    callback.name = json["name"].string();
    callback.state = json["state"].string();
    callback.sent = count(json["sent"]);
    callback.lost = count(json["lost"]);
    callback.waiting = count(json["waiting"]);
    callback.since = moment(json["since"]);
    callback.last_error = json["last_error"].optional_string();
    return callback;
}

inline CacheStatus cache_status(Json json) {
    CacheStatus cache;
    cache.entries = count(json["entries"]);
    cache.bytes = count(json["bytes"]);
    cache.max_bytes = count(json["max_bytes"]);
    cache.hits = count(json["hits"]);
    cache.misses = count(json["misses"]);
    cache.joined = count(json["joined"]);
    cache.stored = count(json["stored"]);
    cache.evicted = count(json["evicted"]);
    if (const Json shared = json["shared"]) {
        cache.shared = SharedCacheStatus{shared["name"].string(), shared["state"].string(), count(shared["hits"]),
                                         count(shared["unwritten"])};
    }
    return cache;
}

inline StoreStatus store_status(Json json) {
    StoreStatus store;
    store.engine = json["engine"].string();
    store.state = json["state"].string();
    store.mode = json["mode"].string();
    store.since = moment(json["since"]);
    store.last_error = json["last_error"].optional_string();
    store.processes = json["processes"].integer<int>().value_or(0);
    store.pending = count(json["pending"]);
    store.misses = count(json["misses"]);
    return store;
}

inline Snapshot snapshot(std::string_view text) {
    const Json json(text);
    Snapshot snapshot;
    snapshot.version = json["version"].string();
    snapshot.in_flight = count(json["in_flight"]);
    snapshot.waiting = count(json["waiting"]);
    json["aliases"].elements([&snapshot](Json one) {
        snapshot.aliases.push_back(
            {one["name"].string(), one["model_group"].optional_string(), one["hidden"].is_true()});
    });
    json["budgets"].elements([&snapshot](Json one) { snapshot.budgets.push_back(budget_status(one)); });
    json["groups"].elements([&snapshot](Json one) { snapshot.groups.push_back(group_status(one)); });
    if (const Json cache = json["cache"]) snapshot.cache = cache_status(cache);
    if (const Json store = json["store"]) snapshot.store = store_status(store);
    json["callbacks"].elements([&snapshot](Json one) { snapshot.callbacks.push_back(callback_status(one)); });
    json["warnings"].elements([&snapshot](Json one) {
        snapshot.warnings.push_back(
            {one["path"].string(), one["line"].integer<int>().value_or(0), one["message"].string()});
    });
    return snapshot;
}

}  // namespace detail
}  // namespace llmrouter

#endif
