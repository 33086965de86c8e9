/// What would happen to a request: names resolved, groups in order, who would be asked and who would not.
#ifndef LLMROUTER_PLAN_HPP
#define LLMROUTER_PLAN_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"

namespace llmrouter {

/// A deployment of a group that would be visited.
struct PlannedDeployment {
    std::string id;
    std::string provider;
    std::string model;                  ///< the provider's name for the model
    std::optional<std::int64_t> order;  ///< those of a lower order are asked first
    double share = 0;                   ///< the chance to be asked first, from 0 to 1
    /// What the group's strategy judges it by: its weight (or rpm, or tpm) by "simple-shuffle", else the least wins:
    /// calls in flight, tokens of the last minute, seconds, dollars a token. None if nothing is known of it.
    std::optional<double> score;
    int in_flight = 0;                  ///< attempts that run now
    std::optional<double> timeout;      ///< of an attempt, seconds; none for one that can't be used
    std::optional<std::string> skipped;  ///< why it would not be asked now
};

/// A group that would be visited if those before it failed, or that would be passed over.
struct PlannedGroup {
    std::string name;
    std::string asked;  ///< the name that led here; empty if it is passed over
    std::string how;    ///< by which rule: "group", "alias", "wildcard", "deployment", "model" or "default_fallback"
    std::optional<std::string> skipped;  ///< why it would be passed over
    std::string strategy;  ///< how one of its deployments would be chosen; empty if it leads nowhere
    std::optional<int> retries;          ///< attempts after the first, unless a retry policy says otherwise
    std::vector<PlannedDeployment> deployments;  ///< in the order of the configuration
};

/// Who answers after a failure of the group that was asked for, by its kind.
struct PlannedFallbacks {
    std::vector<std::string> generic;
    std::vector<std::string> context_window;
    std::vector<std::string> content_policy;
    std::string source;  ///< "request" or "lists"
};

/// What would happen to a request.
struct Plan {
    std::string model;  ///< as the request names it
    std::optional<std::string> group;  ///< what that leads to; none if fallbacks answer in its stead
    std::optional<std::string> how;    ///< by which rule, see `PlannedGroup`
    std::string strategy;  ///< the router's
    std::vector<std::string> order;  ///< the groups that would be visited
    std::vector<PlannedGroup> groups;  ///< the same and those passed over, as if each failed by a server's fault
    PlannedFallbacks fallbacks;
    int max_fallbacks = 0;
    std::optional<double> deadline;  ///< of the whole call, seconds
};

namespace detail {

inline std::vector<std::string> strings(Json list) {
    std::vector<std::string> strings;
    list.elements([&strings](Json one) { strings.push_back(one.string()); });
    return strings;
}

inline PlannedDeployment planned_deployment(Json json) {
    PlannedDeployment deployment;
    deployment.id = json["id"].string();
    deployment.provider = json["provider"].string();
    deployment.model = json["model"].string();
    deployment.order = json["order"].integer<std::int64_t>();
    deployment.share = json["share"].real().value_or(0);
    deployment.score = json["score"].real();
    deployment.in_flight = json["in_flight"].integer<int>().value_or(0);
    deployment.timeout = json["timeout"].real();
    deployment.skipped = json["skipped"].optional_string();
    return deployment;
}

inline PlannedGroup planned_group(Json json) {
    PlannedGroup group;
    group.name = json["name"].string();
    group.asked = json["asked"].string();
    group.how = json["how"].string();
    group.skipped = json["skipped"].optional_string();
    group.strategy = json["strategy"].string();
    group.retries = json["retries"].integer<int>();
    json["deployments"].elements([&group](Json one) { group.deployments.push_back(planned_deployment(one)); });
    return group;
}

inline Plan plan(Json json) {
    Plan plan;
    plan.model = json["model"].string();
    plan.group = json["resolved"]["group"].optional_string();
    plan.how = json["resolved"]["how"].optional_string();
    plan.strategy = json["strategy"].string();
    plan.order = strings(json["order"]);
    json["groups"].elements([&plan](Json one) { plan.groups.push_back(planned_group(one)); });
    const Json fallbacks = json["fallbacks"];
    plan.fallbacks.generic = strings(fallbacks["generic"]);
    plan.fallbacks.context_window = strings(fallbacks["context_window"]);
    plan.fallbacks.content_policy = strings(fallbacks["content_policy"]);
    plan.fallbacks.source = fallbacks["source"].string();
    plan.max_fallbacks = json["max_fallbacks"].integer<int>().value_or(0);
    plan.deadline = json["deadline"].real();
    return plan;
}

}  // namespace detail
}  // namespace llmrouter

#endif
