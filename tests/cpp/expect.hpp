// What the tables of cases expect of an error.
#ifndef EXPECT_HPP
#define EXPECT_HPP

#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "check.hpp"

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
        text.replace(at, what.size(), by);
    }
    return text;
}

inline void same_if(const nlohmann::json& expected, const char* member, const nlohmann::json& is) {
    if (expected.contains(member)) check::same(is, expected[member], member, __LINE__);
}

inline nlohmann::json optional_json(const std::optional<std::string>& text) {
    return text ? nlohmann::json(*text) : nlohmann::json();
}

inline void check_error(const llmrouter::Error& error, const nlohmann::json& expected) {
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
        const nlohmann::json& wait = expected["retry_after_ms"];
        CHECK(error.retry_after().has_value());
        const auto ms = error.retry_after()->count();
        CHECK(wait.is_number() ? wait == ms : wait["min"] <= ms && wait["max"] >= ms);
    }
    const std::string all = error.what() + error.json();
    if (expected.contains("message_excludes")) CHECK(all.find(expected["message_excludes"]) == std::string::npos);
    if (expected.contains("message_contains")) CHECK(all.find(expected["message_contains"]) != std::string::npos);

    const auto object = error.json<nlohmann::json>()["error"];
    CHECK_SAME(object["message"], std::string(error.what()));
    CHECK_SAME(object["type"], error.name());
}

#endif
