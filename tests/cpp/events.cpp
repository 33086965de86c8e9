// What a router's event listener hears: each row of tests/bindings/events.json, and how a listener is set and ends.

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <future>
#include <llmrouter.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "expect.hpp"
#include "provider.hpp"

using llmrouter::Router;
using llmrouter::RouterEvent;
using nlohmann::json;
using namespace std::chrono_literals;

/// What is wanted is there, at every depth.
static bool fits(const json& is, const json& wanted) {
    if (wanted.is_object()) {
        for (const auto& [name, value] : wanted.items()) {
            if (!is.is_object() || !is.contains(name) || !fits(is[name], value)) return false;
        }
        return is.is_object();
    }
    if (wanted.is_array()) {
        return is.is_array() && std::equal(is.begin(), is.end(), wanted.begin(), wanted.end(), fits);
    }
    if (wanted.is_number() && is.is_number()) {
        return std::abs(is.get<double>() - wanted.get<double>()) <= 1e-9 * std::abs(wanted.get<double>());
    }
    return is == wanted;
}

/// The typed members are what the text says.
static void check_typed(const RouterEvent& event, const json& is) {
    const auto optional = [](const auto& value) { return value ? json(*value) : json(); };
    const auto error = event.error();
    const json told = {{"event", event.is_call() ? "call" : "attempt"},
                       {"status", event.is_success() ? "success" : "failure"},
                       {"level", event.level() == llmrouter::LogLevel::info    ? "INFO"
                                 : event.level() == llmrouter::LogLevel::warn ? "WARN"
                                                                             : "ERROR"},
                       {"stream", event.is_stream()},
                       {"call_id", event.call_id()},
                       {"id", event.id()},
                       {"litellm_call_id", event.litellm_call_id()},
                       {"trace_id", event.trace_id()},
                       {"session_id", optional(event.session_id())},
                       {"call_type", event.call_type()},
                       {"requested_model", event.requested_model()},
                       {"model_group", event.model_group()},
                       {"deployment", optional(event.deployment())},
                       {"custom_llm_provider", optional(event.provider())},
                       {"model", optional(event.model())},
                       {"api_base", optional(event.api_base())},
                       {"attempt", event.attempt()},
                       {"fallbacks", event.fallbacks()},
                       {"fallback_chain", event.fallback_chain()},
                       {"overhead_ms", optional(event.overhead_ms())},
                       {"ttft_ms", optional(event.ttft_ms())},
                       {"prompt_tokens", event.usage().prompt_tokens},
                       {"completion_tokens", event.usage().completion_tokens},
                       {"total_tokens", event.usage().total_tokens},
                       {"usage_estimated", event.usage_estimated()},
                       {"response_cost", optional(event.cost())},
                       {"cache_hit", event.cache_hit()},
                       {"request_tags", event.tags()},
                       {"end_user", optional(event.end_user())},
                       {"error_information", error ? json{{"error_class", error->error_class},
                                                          {"error_code", error->error_code},
                                                          {"error_message", error->error_message},
                                                          {"llm_provider", error->llm_provider},
                                                          {"provider_code", optional(error->provider_code)},
                                                          {"retry_after", optional(error->retry_after)}}
                                                   : json()}};
    if (!fits(is, told)) check::fail(is.dump() + "\nis not " + told.dump(), __LINE__);
    CHECK_SAME(event.attempts().size(), is["attempts"].size());
    CHECK(event.json<json>() == is);
    const auto phases = event.phases();
    const double sum = phases.resolve_ms + phases.connect_ms + phases.headers_ms + phases.first_content_ms +
                       phases.stream_ms + phases.router_ms;
    CHECK(std::abs(sum - phases.total_ms) < 1 && std::abs(event.took_ms() - phases.total_ms) < 1e-9);
    const auto span = std::chrono::duration<double, std::milli>(event.end() - event.start());
    CHECK(std::abs(span.count() - event.took_ms()) < 2);
    CHECK(std::chrono::system_clock::now() - event.start() < 1min);
}

static void play(Router& router, const json& row) {
    const std::string path = row.value("path", "/chat/completions"), request = row["request"].dump();
    const auto running = [&router] {
        int calls = 0;
        for (const auto& group : router.status().groups) {
            for (const auto& deployment : group.deployments) calls += deployment.in_flight;
        }
        return calls;
    };
    try {
        if (row.value("stream", false)) {
            auto stream = router.request_stream(path, request);
            int left = row.value("read", 1000);
            while (left-- > 0 && stream.next()) {
            }
        } else if (row.value("cancel", false) || row.value("close", false)) {
            auto call = router.request_async(path, request);
            CHECK(check::eventually([&] { return running() == 1; }));
            if (row.value("cancel", false)) {
                call.cancel();
            } else {
                router.close();
            }
            call.get();
        } else {
            router.request(path, request);
        }
    } catch (const llmrouter::Error&) {
    }
}

TEST("each outcome is heard once, and its typed members are what the text says") {
    const Provider provider;
    std::ifstream file("tests/bindings/events.json");
    const json table = json::parse(file);
    for (const json& row : table["cases"]) {
        provider.script(row.value("script", json{{"paths", json::object()}}).dump());
        Router router = Router::from_yaml(replaced(table["config"], "{{provider}}", provider.url()));
        std::vector<json> events;
        std::exception_ptr failed = router.set_event_listener([&](const RouterEvent& event) {
            events.push_back(json::parse(event.json()));
            check_typed(event, events.back());
        });
        CHECK(!failed);
        for (int i = 0; i <= row.value("warm_up", 0); ++i) play(router, row);
        router.shutdown(5s);
        if (router.c_api() != nullptr) failed = router.clear_event_listener();
        if (failed) std::rethrow_exception(failed);
        router.close();
        if (events.size() != row["events"].size()) check::fail(row["name"].get<std::string>() + json(events).dump(), __LINE__);
        for (std::size_t i = 0; i < events.size(); ++i) {
            if (fits(events[i], row["events"][i])) continue;
            check::fail(row["name"].get<std::string>() + ": " + events[i].dump() + "\nis not " + row["events"][i].dump(), __LINE__);
        }
    }
}

TEST("listeners: each router's own, replaced, thrown, cleared") {
    const Router router = Router::from_yaml(mock_config(0)), other = Router::from_yaml(failing_config);
    std::atomic<int> heard{0}, elsewhere{0};
    CHECK(!other.set_event_listener([&](auto&) { ++elsewhere; }));
    CHECK(!router.set_event_listener([&](const RouterEvent& event) {
        ++heard;
        if (event.is_call()) throw std::out_of_range("mine");
    }));
    router.completion(hi);
    CHECK(check::eventually([&] { return heard == 2; }));
    const std::exception_ptr thrown = router.set_event_listener([](auto&) {});
    CHECK_THROWS(std::out_of_range, (std::rethrow_exception(thrown), 0));
    router.completion(hi);
    CHECK(!router.clear_event_listener());
    CHECK(!router.clear_event_listener());
    router.completion(hi);
    CHECK(router.shutdown(5s));
    CHECK_SAME(heard.load(), 2);
    CHECK_SAME(elsewhere.load(), 0);
}

TEST("what a listener refers to may go when it is cleared, or when the router is closed") {
    Router router = Router::from_yaml(mock_config(0));
    for (int i = 0; i < 50; ++i) {
        auto data = std::make_unique<int>(0);
        router.set_event_listener([&data](auto&) { ++*data; });
        router.completion(hi);
        router.clear_event_listener();
    }
    auto data = std::make_unique<int>(0);
    router.set_event_listener([&data](auto&) { ++*data; });
    router.completion(hi);
    Router moved = std::move(router);
    moved.completion(hi);
    moved.close();
    CHECK_SAME(*data, 4);
    CHECK_THROWS(llmrouter::ShutDownError, moved.set_event_listener([](auto&) {}));
}

TEST("what a listener owns goes with it") {
    const auto owned = std::make_shared<int>(0);
    {
        const Router router = Router::from_yaml(mock_config(0));
        router.set_event_listener([owned](auto&) {});
        router.set_event_listener([owned](auto&) {});
        CHECK_SAME(owned.use_count(), 2);
    }
    CHECK_SAME(owned.use_count(), 1);
    // A handle that is given away keeps its listener until somebody closes it.
    Router first = Router::from_yaml(mock_config(0));
    first.set_event_listener([owned](auto&) { ++*owned; });
    Router second(first.release());
    second.completion(hi);
    second.close();
    CHECK_SAME(*owned, 2);
    CHECK_SAME(owned.use_count(), 1);
}

TEST("inside a listener: what waits is refused, the router may be closed") {
    const auto owned = std::make_shared<int>(0);
    auto router = std::make_unique<Router>(Router::from_yaml(mock_config(0)));
    std::promise<void> accepted, closed;
    std::atomic<bool> first{true};
    router->set_event_listener([&, owned](auto&) {
        if (!first.exchange(false)) return;
        accepted.get_future().get();  // nobody else uses the router from here on
        CHECK_THROWS(llmrouter::InCallbackError, router->set_event_listener([](auto&) {}));
        CHECK_THROWS(llmrouter::InCallbackError, router->clear_event_listener());
        CHECK_THROWS(llmrouter::InCallbackError, router->completion(hi));
        CHECK(!router->shutdown(1s));
        CHECK_SAME(router->status().groups.size(), 1U);
        router.reset();
        closed.set_value();
    });
    auto call = router->completion_async(hi);
    accepted.set_value();
    closed.get_future().get();
    CHECK_SAME(call.get().text(), "mocked");
    // Where nobody waits for it, it goes by itself.
    CHECK(check::eventually([&] { return owned.use_count() == 1; }));
}

TEST("a slow listener holds up no call, and is replaced by many threads beside calls") {
    const Router router = Router::from_yaml(mock_config(0));
    std::atomic<bool> stop{false};
    std::atomic<int> calls{0}, heard{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            while (!stop) {
                router.completion(hi);
                ++calls;
            }
        });
    }
    std::vector<std::thread> changers;
    for (int i = 0; i < 4; ++i) {
        changers.emplace_back([&] {
            for (int change = 0; change < 25; ++change) {
                router.set_event_listener([&heard](auto&) {
                    ++heard;
                    std::this_thread::sleep_for(1ms);
                });
                std::this_thread::sleep_for(2ms);
                router.clear_event_listener();
            }
        });
    }
    for (auto& thread : changers) thread.join();
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(calls > 0 && heard > 0);
}

int main() { return check::run(); }
