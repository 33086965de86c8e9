// A deployment that streams slowly, and how it is doing.
#ifndef SLOW_HPP
#define SLOW_HPP

#include <llmrouter.hpp>
#include <nlohmann/json.hpp>

#include "provider.hpp"

/// A deployment that says a thousand words: the first after 20 ms, the others so many ms apart.
class Slow {
public:
    explicit Slow(int every_ms = 20) {
        using nlohmann::json;
        const json choice = {{"index", 0}, {"delta", {{"content", "x"}}}, {"finish_reason", nullptr}};
        const json word = {{"id", "c"}, {"choices", json::array({choice})}};
        json pieces = json::array();
        for (int i = 0; i < 1000; ++i) {
            pieces.push_back({{"text", "data: " + word.dump() + "\n\n"}, {"delay_ms", i == 0 ? 20 : every_ms}});
        }
        const json reply = {{"chunks", pieces}};
        provider_.script(json{{"paths", {{"/slow", {reply}}}}}.dump());
    }
    llmrouter::Router router() const {
        return llmrouter::Router::from_yaml(
            "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_key: none, " +
            ("api_base: \"" + provider_.url()) + "/slow\"}\n    model_info: {id: slow}\n");
    }

private:
    Provider provider_;
};

/// The state of a router's first deployment.
inline nlohmann::json deployment(const llmrouter::Router& router) {
    return router.snapshot<nlohmann::json>()["groups"][0]["deployments"][0];
}

#endif
