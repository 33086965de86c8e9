// Every case of tests/bindings/cases.json in every form that this standard of C++ has.

#include <cstdint>
#include <fstream>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "check.hpp"
#include "forms.hpp"
#include "provider.hpp"

using nlohmann::json;

static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
        text.replace(at, what.size(), by);
    }
    return text;
}

static void same_if(const json& expected, const char* member, const json& is) {
    if (expected.contains(member)) check::same(is, expected[member], member, __LINE__);
}

static json optional_json(const std::optional<std::string>& text) { return text ? json(*text) : json(); }

static void check_error(const llmrouter::Error& error, const json& expected) {
    static const std::set<std::string> known{"code", "class", "status", "retryable", "provider", "deployment", "param",
        "provider_code", "attempts", "retry_after_ms", "message_excludes", "message_contains"};
    for (const auto& [name, value] : expected.items()) check::same(known.count(name), 1U, name.c_str(), __LINE__);

    same_if(expected, "code", error.code());
    same_if(expected, "class", error.name());
    same_if(expected, "status", error.status());
    same_if(expected, "retryable", error.retryable());
    same_if(expected, "provider", optional_json(error.provider()));
    same_if(expected, "deployment", optional_json(error.deployment()));
    same_if(expected, "param", optional_json(error.param()));
    same_if(expected, "provider_code", optional_json(error.provider_code()));
    same_if(expected, "attempts", error.attempts().size());
    if (expected.contains("retry_after_ms")) {
        const json& wait = expected["retry_after_ms"];
        CHECK(error.retry_after().has_value());
        const auto ms = error.retry_after()->count();
        CHECK(wait.is_number() ? wait == ms : wait["min"] <= ms && wait["max"] >= ms);
    }
    const std::string all = error.what() + error.json();
    if (expected.contains("message_excludes")) CHECK(all.find(expected["message_excludes"]) == std::string::npos);
    if (expected.contains("message_contains")) CHECK(all.find(expected["message_contains"]) != std::string::npos);

    const json object = error.json<json>()["error"];
    CHECK_SAME(object["message"], std::string(error.what()));
    CHECK_SAME(object["type"], error.name());
}

static void check_response(const llmrouter::Response& response, const json& expected) {
    if (expected.contains("text")) {
        CHECK_SAME(response.has_text(), !expected["text"].is_null());
        if (response.has_text()) CHECK_SAME(response.text(), expected["text"].get<std::string>());
    }
    const json raw = response.metadata<json>();
    const llmrouter::Metadata metadata = response.metadata();
    const json typed{{"deployment", metadata.deployment}, {"model_group", metadata.model_group},
                     {"provider", metadata.provider},     {"model", metadata.model},
                     {"fallbacks", metadata.fallbacks}};
    const json wanted = expected.value("metadata", json::object());
    for (const auto& [name, value] : wanted.items()) {
        check::same(raw[name], value, name.c_str(), __LINE__);
        check::same(typed[name], value, name.c_str(), __LINE__);
    }
    same_if(expected, "attempts", metadata.attempts.size());
    CHECK_SAME(metadata.attempts.size(), raw["attempts"].size());
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
    for (int i = 0; i < test.value("warm_up", 0); ++i) outcome_of([&] { return router.completion(request); });
    if (close == "before") router.close();

    if (cancel == "before" && !form.start_cancelled) return false;
    if (cancel == "during" && !form.can_cancel) return false;
    const std::size_t calls = test.value("in_flight", std::size_t{1});
    std::vector<Running> running;
    for (std::size_t i = 0; i < calls; ++i) {
        running.push_back(cancel == "before" ? form.start_cancelled(router, request) : form.start(router, request));
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
    static const std::set<std::string> known{"name", "config", "script", "request", "raw", "warm_up", "cancel",
        "close", "in_flight", "within_ms", "expect", "new_fails"};

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
