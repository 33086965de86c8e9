// Every case of tests/bindings/cases.json in every form that this standard of C++ has.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "check.hpp"
#include "expect.hpp"
#include "forms.hpp"
#include "provider.hpp"

using nlohmann::json;

/// The members that are wanted, at every depth; of a text that ends in "…", how it begins.
static bool fits(const json& is, const json& wanted) {
    static const std::string more = "…";
    if (wanted.is_object()) {
        for (const auto& [name, value] : wanted.items()) {
            if (!is.is_object() || !is.contains(name) || !fits(is[name], value)) return false;
        }
        return is.is_object();
    }
    if (wanted.is_array()) {
        return is.is_array() && std::equal(is.begin(), is.end(), wanted.begin(), wanted.end(), fits);
    }
    const std::string text = wanted.is_string() && is.is_string() ? wanted.get<std::string>() : "";
    if (text.size() < more.size() || text.substr(text.size() - more.size()) != more) return is == wanted;
    return is.get<std::string>().compare(0, text.size() - more.size(), text, 0, text.size() - more.size()) == 0;
}

/// The plan that the binding has read, written again.
static json written(const llmrouter::Plan& plan) {
    json groups = json::array();
    for (const auto& group : plan.groups) {
        json deployments = json::array();
        for (const auto& one : group.deployments) {
            deployments.push_back({{"id", one.id},
                                   {"provider", one.provider},
                                   {"model", one.model},
                                   {"order", one.order ? json(*one.order) : json()},
                                   {"share", one.share},
                                   {"score", one.score ? json(*one.score) : json()},
                                   {"in_flight", one.in_flight},
                                   {"timeout", one.timeout ? json(*one.timeout) : json()},
                                   {"skipped", optional_json(one.skipped)}});
        }
        groups.push_back({{"name", group.name},
                          {"asked", group.asked},
                          {"how", group.how},
                          {"skipped", optional_json(group.skipped)},
                          {"strategy", group.strategy},
                          {"retries", group.retries ? json(*group.retries) : json()},
                          {"deployments", deployments}});
    }
    const auto& [generic, context_window, content_policy, source] = plan.fallbacks;
    return {{"model", plan.model},
            {"resolved", {{"group", optional_json(plan.group)}, {"how", optional_json(plan.how)}}},
            {"strategy", plan.strategy},
            {"order", plan.order},
            {"groups", groups},
            {"fallbacks",
             {{"generic", generic}, {"context_window", context_window}, {"content_policy", content_policy}, {"source", source}}},
            {"max_fallbacks", plan.max_fallbacks},
            {"deadline", plan.deadline ? json(*plan.deadline) : json()}};
}

static void check_plan(const json& raw, const llmrouter::Plan& plan, const json& wanted) {
    if (!fits(raw, wanted)) check::fail("the plan is " + raw.dump(), __LINE__);
    if (!fits(written(plan), wanted)) check::fail("the plan is read as " + written(plan).dump(), __LINE__);
}

static void check_metadata(const json& raw, const llmrouter::Metadata& metadata, const json& expected) {
    const json typed{{"deployment", metadata.deployment},
                     {"model_group", metadata.model_group},
                     {"provider", metadata.provider},
                     {"model", metadata.model},
                     {"fallbacks", metadata.fallbacks},
                     {"cache_hit", metadata.cache_hit},
                     {"cache_key", optional_json(metadata.cache_key)},
                     {"cost", metadata.cost ? json(*metadata.cost) : json()},
                     {"dropped_params", metadata.dropped_params},
                     {"content_type", optional_json(metadata.content_type)}};
    const json wanted = expected.value("metadata", json::object());
    for (const auto& [name, value] : wanted.items()) {
        if (!fits(raw[name], value)) check::fail(name + " is " + raw[name].dump(), __LINE__);
        if (!fits(typed[name], value)) check::fail(name + " is read as " + typed[name].dump(), __LINE__);
    }
    CHECK_SAME(metadata.explain.has_value(), raw.contains("explain"));
    if (expected.contains("plan")) check_plan(raw.at("explain"), metadata.explain.value(), expected["plan"]);
    same_if(expected, "attempts", metadata.attempts.size());
    CHECK_SAME(metadata.attempts.size(), raw["attempts"].size());
}

static void check_response(const llmrouter::Response& response, const json& expected) {
    if (expected.contains("text")) {
        CHECK_SAME(response.has_text(), !expected["text"].is_null());
        if (response.has_text()) CHECK_SAME(response.text(), expected["text"].get<std::string>());
    }
    if (expected.contains("content_type")) CHECK_SAME(response.content_type(), expected["content_type"]);
    if (expected.contains("body")) {
        const bool is_json = response.content_type() == "application/json";
        const json body = is_json ? response.body<json>() : json(llmrouter::detail::base64(response.body()));
        if (!fits(body, expected["body"])) check::fail("the body is " + body.dump(), __LINE__);
    }
    check_metadata(response.metadata<json>(), response.metadata(), expected);
}

/// Reads a stream to its end and checks what came, in an asynchronous way or with a thread that waits.
static void check_stream(const llmrouter::Router& router, const std::string& request, bool is_async, const json& expected) {
    if (is_async) {
        llmrouter::AsyncStream stream = router.stream_async(request).get();
        while (!stream.read_async().get().empty()) continue;
        CHECK_SAME(stream.text(), expected["text"].get<std::string>());
        check_metadata(stream.metadata<json>(), stream.metadata(), expected);
    } else {
        llmrouter::Stream stream = router.stream(request);
        for ([[maybe_unused]] const auto& chunk : stream) continue;
        CHECK_SAME(stream.text(), expected["text"].get<std::string>());
        check_metadata(stream.metadata<json>(), stream.metadata(), expected);
    }
}

static std::size_t in_flight(const llmrouter::Router& router) {
    std::size_t sum = 0;
    const json snapshot = router.snapshot<json>();
    for (const json& group : snapshot["groups"]) {
        for (const json& deployment : group["deployments"]) sum += deployment["in_flight"].get<std::size_t>();
    }
    return sum;
}

/// False if this form has no way to say what the case asks for.
static bool run_case(const json& test, const Form& form, const std::string& config) {
    using llmrouter::Router;
    const std::string cancel = test.value("cancel", "");
    const std::string close = test.value("close", "");

    if (test.contains("new_fails")) {
        const auto made = [&]() -> std::optional<llmrouter::Error> {
            try {
                Router::from_yaml(config);
                return std::nullopt;
            } catch (const llmrouter::Error& error) {
                return error;
            }
        }();
        CHECK(made.has_value());
        check_error(*made, test["new_fails"]);
        return true;
    }

    Router router = Router::from_yaml(config);
    const std::string request = test.contains("raw") ? test["raw"].get<std::string>() : test["request"].dump();
    const Question asked(request, test.value("path", ""));
    for (int i = 0; i < test.value("warm_up", 0); ++i) outcome_of([&] { return ask(router, asked); });
    for (const json& before : test.value("before", json::array())) {
        if (before.value("stream", false)) {
            llmrouter::Accumulator(router.stream(before.dump()));
        } else {
            outcome_of([&] { return ask(router, Question(before.dump(), asked.path)); });
        }
    }
    if (close == "before") router.close();

    if (test.value("explain", false)) {
        const json& expected = test["expect"];
        try {
            const json raw = router.explain<json>(request);
            CHECK(!expected.contains("error"));
            check_plan(raw, router.plan(request), expected["plan"]);
        } catch (const llmrouter::Error& error) {
            if (!expected.contains("error")) throw;
            check_error(error, expected["error"]);
        }
        return true;
    }
    if (test.value("stream", false)) {
        check_stream(router, request, form.can_cancel, test["expect"]);
        return true;
    }
    if (cancel == "before" && !form.start_cancelled) return false;
    if (cancel == "during" && !form.can_cancel) return false;
    const std::size_t calls = test.value("in_flight", std::size_t{1});
    std::vector<Running> running;
    for (std::size_t i = 0; i < calls; ++i) {
        running.push_back(cancel == "before" ? form.start_cancelled(router, asked) : form.start(router, asked));
    }
    if (cancel == "during" || close == "during") {
        CHECK(check::eventually([&] { return in_flight(router) == calls; }));
        for (const Running& one : running) {
            if (cancel == "during") one.cancel();
        }
        if (close == "during") router.close();
    }
    for (const Running& one : running) {
        llmrouter::Outcome outcome = one.wait();
        if (cancel == "after" && form.can_cancel) one.cancel();
        const json& expected = test["expect"];
        if (expected.contains("error")) {
            CHECK(!outcome);
            check_error(outcome.error(), expected["error"]);
        } else {
            check_response(outcome.value(), expected);
        }
    }
    return true;
}

int main() {
    const Provider provider;
    const DeadPort dead;
    std::ifstream file("tests/bindings/cases.json");
    const json table = json::parse(file);
    static const std::set<std::string> known{"name", "config", "script", "path", "request", "raw", "warm_up", "before",
        "stream", "cancel", "close", "in_flight", "within_ms", "expect", "new_fails", "explain"};

    for (const json& test : table["cases"]) {
        check::tests().emplace_back(test["name"].get<std::string>(), [&] {
            for (const auto& [name, value] : test.items()) check::same(known.count(name), 1U, name.c_str(), __LINE__);
            const std::string config =
                replaced(replaced(test["config"], "{{provider}}", provider.url()), "{{dead}}", dead.url());
            std::string cannot;
            for (const Form& form : forms()) {
                provider.script(test.value("script", json{{"paths", json::object()}}).dump());
                const auto start = check::Clock::now();
                try {
                    if (!run_case(test, form, config)) cannot += std::string(cannot.empty() ? "" : ", ") + form.name;
                } catch (const std::exception& error) {
                    throw std::runtime_error(std::string(form.name) + ": " + error.what());
                }
                const std::chrono::duration<double, std::milli> took = check::Clock::now() - start;
                if (test.contains("within_ms")) CHECK(took.count() < test["within_ms"].get<double>());
            }
            if (!cannot.empty()) std::printf("    note: has no way to say this: %s\n", cannot.c_str());
        });
    }
    return check::run();
}
