// One configuration in the place of another. No network.

#include <atomic>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "provider.hpp"

using llmrouter::Router;

static nlohmann::json state(const Router& router) {
    return router.snapshot<nlohmann::json>()["groups"][0]["deployments"][0];
}

TEST("calls that have begun keep their configuration, new ones have the new one") {
    const Router router = Router::from_yaml(mock_config(300, "old"));
    auto begun = router.completion_async(hi);
    router.reload(mock_config(0, "new"));
    CHECK_SAME(router.completion(hi).text(), "new");
    CHECK_SAME(state(router)["in_flight"], 1);
    CHECK_SAME(begun.get().text(), "old");
    CHECK_SAME(state(router)["in_flight"], 0);
}

TEST("reloads among calls lose none") {
    const Router router = Router::from_yaml(mock_config(0, "a"));
    std::atomic<bool> over{false};
    std::atomic<int> answered{0}, wrong{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
        callers.emplace_back([&] {
            while (!over) {
                try {
                    const std::string text = router.completion(hi).text();
                    if (text != "a" && text != "b") ++wrong;
                } catch (const llmrouter::Error&) {
                    ++wrong;
                }
                ++answered;
            }
        });
    }
    CHECK(check::eventually([&] { return answered > 0; }));
    for (int round = 0; round < 100; ++round) router.reload(mock_config(0, round % 2 == 0 ? "b" : "a"));
    over = true;
    for (std::thread& caller : callers) caller.join();
    CHECK_SAME(wrong.load(), 0);
    CHECK_SAME(state(router)["succeeded"], answered.load());
}

TEST("a configuration that is wrong says where, and changes nothing") {
    const Router router = Router::from_yaml(mock_config(0, "old"));
    const std::string misspelt = mock_config(0, "new") + "router_settings:\n  num_retires: 3\n";
    const std::string where = "router_settings.num_retires: unknown key at line 6 column 3; did you mean num_retries";
    try {
        router.reload(misspelt);
        check::fail("it was taken", __LINE__);
    } catch (const llmrouter::ConfigError& error) {
        if (std::string(error.what()).find(where) == std::string::npos) check::fail(error.what(), __LINE__);
    }
    CHECK_THROWS(llmrouter::ConfigError, (router.reload(""), 0));
    CHECK_THROWS(llmrouter::InvalidArgumentError, (router.reload("a: b\xff"), 0));
#if defined(__cpp_lib_expected)
    const auto refused = router.try_reload(misspelt);
    CHECK(!refused && refused.error().error_class() == llmrouter::ErrorClass::config);
#endif
    CHECK_SAME(router.completion(hi).text(), "old");
#if defined(__cpp_lib_expected)
    CHECK(router.try_reload(mock_config(0, "new")).has_value());
    CHECK_SAME(router.completion(hi).text(), "new");
#endif
}

TEST("a deployment that rests goes on resting, one of another id does not") {
    const auto config = [](const std::string& id, const std::string& plays) {
        return "model_list:\n  - {model_name: g, litellm_params: {model: openai/m, " + plays + "}, model_info: {id: " + id +
               "}}\nrouter_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60}\n";
    };
    const Router router = Router::from_yaml(config("a", "mock_error: 500"));
    CHECK_THROWS(llmrouter::InternalServerError, router.completion(hi));
    router.reload(config("a", "mock_response: well"));
    CHECK_THROWS(llmrouter::RouterRateLimitError, router.completion(hi));
    CHECK_SAME(state(router)["state"], "cooling");
    router.reload(config("b", "mock_response: well"));
    CHECK_SAME(router.completion(hi).text(), "well");
}

TEST("inside a callback, and where it can not") {
    Router router = Router::from_yaml(mock_config(0, "old"));
    router.completion_async(hi, [&](const llmrouter::Outcome&) { router.reload(mock_config(0, "new")); }).get();
    CHECK_SAME(router.completion(hi).text(), "new");

    std::atomic<int> refused{0};
    llmrouter::set_log_listener(llmrouter::LogLevel::warn, [&](auto&&...) {
        try {
            router.reload(mock_config(0, "inner"));
        } catch (const llmrouter::InCallbackError&) {
            ++refused;
        }
    });
    // It is of the proxy, and so warned of.
    router.reload(mock_config(0, "warned") + "general_settings: {master_key: x}\n");
    CHECK(!llmrouter::clear_log_listener());
    CHECK(refused > 0);
    CHECK_SAME(router.completion(hi).text(), "warned");

    router.close();
    CHECK_THROWS(llmrouter::ShutDownError, (router.reload(mock_config(0)), 0));
}

int main() { return check::run(); }
