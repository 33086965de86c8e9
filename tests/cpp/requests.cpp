// Requests, values of JSON libraries, what is read from answers, and errors by class. No network.

#include <functional>
#include <limits>
#include <llmrouter.hpp>
#include <locale>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "check.hpp"
#include "provider.hpp"

using llmrouter::ChatRequest;
using llmrouter::ErrorClass;
using llmrouter::Part;
using llmrouter::Router;
using nlohmann::json;

/// All that is asked of a JSON library.
struct LookAlike {
    std::string text;
    std::string dump() const { return text; }
    static LookAlike parse(const std::string& text) { return {text}; }
};

static_assert(llmrouter::is_json<json> && llmrouter::is_json<nlohmann::ordered_json> && llmrouter::is_json<LookAlike>);
static_assert(!llmrouter::is_json<std::string> && !llmrouter::is_json<const char*> && !llmrouter::is_json<int>);
static_assert(!std::is_constructible_v<llmrouter::RequestText, std::nullptr_t>);
static_assert(!std::is_constructible_v<llmrouter::RequestText, int>);

TEST("a request is OpenAI's") {
    const auto request = ChatRequest()
                             .model("gpt-4")
                             .system("Be brief.")
                             .user("Hi")
                             .assistant("Hello")
                             .user({Part::text("What is this?"), Part::image_url("https://x/y.png"),
                                    Part::raw(R"({"type":"x"})")})
                             .raw_message(R"({"role":"assistant","tool_calls":[]})")
                             .tool_result("call_1", "42")
                             .tool("f", "Does it.", R"({"type":"object"})")
                             .tool("g", "Too.", json{{"type", "object"}})
                             .set("tool_choice", "auto")
                             .set("response_format", json{{"type", "json_object"}})
                             .set("temperature", 0.1)
                             .set("max_tokens", 10)
                             .set("max_tokens", 20)
                             .set("logprobs", true)
                             .set_raw("metadata", R"({"tags":["a"]})");
    CHECK_SAME(json::parse(request.json()), json::parse(R"({
        "model": "gpt-4", "tool_choice": "auto", "response_format": {"type": "json_object"}, "temperature": 0.1,
        "max_tokens": 20, "logprobs": true, "metadata": {"tags": ["a"]},
        "tools": [{"type": "function", "function": {"name": "f", "description": "Does it.", "parameters": {"type": "object"}}},
                  {"type": "function", "function": {"name": "g", "description": "Too.", "parameters": {"type": "object"}}}],
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}}, {"type": "x"}]},
            {"role": "assistant", "tool_calls": []},
            {"role": "tool", "tool_call_id": "call_1", "content": "42"}]})"));
    CHECK_SAME(json::parse(ChatRequest().json()), json::parse(R"({"messages": []})"));
}

TEST("every character is escaped as JSON has it") {
    std::string all;
    for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
    all += "grüße 😀";
    const json back = json::parse(ChatRequest().model(all).user(all).json());
    CHECK_SAME(back["model"].get<std::string>(), all);
    CHECK_SAME(back["messages"][0]["content"].get<std::string>(), all);
}

TEST("numbers are exact, short, and the same in every locale") {
    for (const double value : {0.1, 1.0 / 3, 1e300, -0.0, 5e-324, 123456789012345680.0}) {
        CHECK_SAME(json::parse(ChatRequest().set("n", value).json())["n"].get<double>(), value);
    }
    struct Comma : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
    const std::string abroad = ChatRequest().set("n", 0.1).set("m", 12345678.5).set("i", 12345678).json();
    const auto read_abroad = llmrouter::detail::Json("1234.5").real();
    std::locale::global(before);
    CHECK_SAME(abroad, R"({"n":0.1,"m":12345678.5,"i":12345678,"messages":[]})");
    CHECK_SAME(read_abroad.value(), 1234.5);
    const auto largest = std::numeric_limits<std::uint64_t>::max();
    CHECK_SAME(json::parse(ChatRequest().set("n", largest).json())["n"].get<std::uint64_t>(), largest);
    CHECK_THROWS(std::invalid_argument, ChatRequest().set("n", std::numeric_limits<double>::quiet_NaN()));
    CHECK_THROWS(std::invalid_argument, ChatRequest().set("n", std::numeric_limits<double>::infinity()));
}

TEST("every kind of request is accepted") {
    const Router router = Router::from_yaml(mock_config(0));
    const std::string text = hi;
    CHECK_SAME(router.completion(text).text(), "mocked");
    CHECK_SAME(router.completion(text.c_str()).text(), "mocked");
    CHECK_SAME(router.completion(std::string_view(text)).text(), "mocked");
    CHECK_SAME(router.completion(json::parse(text)).text(), "mocked");
    CHECK_SAME(router.completion(nlohmann::ordered_json::parse(text)).text(), "mocked");
    CHECK_SAME(router.completion(LookAlike{text}).text(), "mocked");
    CHECK_SAME(router.completion(ChatRequest().model("g").user("hi")).text(), "mocked");
    CHECK_SAME(router.completion_async(json::parse(text)).get().text(), "mocked");
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.completion(""));
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.completion(ChatRequest().model("\xff")));
}

TEST("answers become values of JSON libraries") {
    const Router router = Router::from_yaml(mock_config(0));
    const llmrouter::Response response = router.completion(hi);
    CHECK_SAME(response.body<json>()["choices"][0]["message"]["content"], "mocked");
    CHECK_SAME(response.body<LookAlike>().text, response.body());
    CHECK_SAME(response.metadata<json>()["deployment"], "one");
    CHECK_SAME(response.metadata<LookAlike>().text, response.metadata_json());
    CHECK_SAME(router.snapshot<json>()["groups"][0]["name"], "g");
    try {
        router.completion("{");
    } catch (const llmrouter::Error& error) {
        CHECK_SAME(error.json<LookAlike>().text, error.json());
    }
}

TEST("metadata, typed, is what the JSON says") {
    const Router router = Router::from_yaml(
        "model_list:\n"
        "  - {model_name: g, litellm_params: {model: openai/m, mock_error: RateLimitError}, model_info: {id: a}}\n"
        "  - {model_name: h, litellm_params: {model: openai/m, mock_response: x}, model_info: {id: b}}\n"
        "router_settings: {num_retries: 0, fallbacks: [{g: [h]}]}\n");
    const auto response = router.completion(R"({"model": "g", "messages": [], "cache": {}})");
    const auto typed = response.metadata();
    const auto raw = response.metadata<json>();
    CHECK_SAME(typed.call_id, raw["call_id"].get<std::uint64_t>());
    CHECK_SAME(typed.deployment, "b");
    CHECK_SAME(typed.model_group, "h");
    CHECK_SAME(typed.provider, "openai");
    CHECK_SAME(typed.model, "m");
    CHECK_SAME(typed.api_base.has_value(), !raw["api_base"].is_null());
    CHECK_SAME(typed.fallbacks, 1);
    CHECK(!typed.cache_hit);
    CHECK(!typed.cache_key);
    CHECK_SAME(typed.cost.has_value(), !raw["cost"].is_null());
    CHECK_SAME(typed.latency_ms, raw["latency_ms"].get<double>());
    CHECK_SAME(typed.overhead_ms, raw["overhead_ms"].get<double>());
    CHECK_SAME(json(typed.dropped_params), raw["dropped_params"]);
    CHECK_SAME(json(typed.headers), raw["headers"]);
    CHECK_SAME(typed.usage.value().total_tokens, raw["usage"]["total_tokens"].get<std::int64_t>());
    CHECK_SAME(typed.attempts.size(), 2U);
    CHECK_SAME(typed.attempts[0].deployment.value(), "a");
    CHECK_SAME(typed.attempts[0].error.value(), "RateLimitError");
    CHECK_SAME(typed.attempts[0].status.value(), 429);
    CHECK_SAME(typed.attempts[1].model_group, "h");
    CHECK(!typed.attempts[1].error && !typed.attempts[1].skipped);
    CHECK_SAME(typed.attempts[1].ms, raw["attempts"][1]["ms"].get<double>());
}

TEST("the parts of an answer that a conversation needs") {
    const Provider provider;
    provider.script(R"({"paths": {"/one": [{"json": {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": \"\\u00e9\"}"}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]}}]}}]}})");
    const Router router = Router::from_yaml("model_list: [{model_name: g, litellm_params: {model: openai/m, api_key: "
                                            "sk-0123456789, api_base: '" + provider.url() + "/one/v1'}}]");
    const auto response = router.completion(hi);
    CHECK(!response.has_text() && response.text().empty());
    CHECK_SAME(response.finish_reason().value(), "tool_calls");
    CHECK_SAME(response.usage().value().total_tokens, 3);
    const auto calls = response.tool_calls();
    CHECK_SAME(calls.size(), 2U);
    CHECK_SAME(calls[0].id + calls[0].name, "c1f");
    CHECK_SAME(calls[0].arguments, R"({"a": "\u00e9"})");
    const auto next = ChatRequest().model("g").user("hi").raw_message(response.message()).tool_result("c1", "1");
    CHECK_SAME(json::parse(next.json())["messages"][1], response.body<json>()["choices"][0]["message"]);
}

TEST("reading stays inside any text") {
    const std::string good = R"( { "a" : [1, -2.5e3 , "x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800", {"b": [[]]}], "c": null,
        "n": {"m": true} } )";
    using llmrouter::detail::Json;
    const Json json_view{std::string_view(good)};
    std::string elements;
    json_view["a"].elements([&](Json one) { elements += std::string(one.text()) + "|"; });
    CHECK_SAME(elements, R"(1|-2.5e3|"x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800"|{"b": [[]]}|)");
    CHECK(json_view["n"]["m"].is_true() && !json_view["c"] && !json_view["nothing"] && !json_view["nothing"]["more"]);
    CHECK_SAME(json_view["a"].first().integer<int>().value(), 1);
    CHECK_SAME(Json(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800")").string(), "\"\\/\b\f\n\r\té😀\xef\xbf\xbd");

    // Truncated and damaged texts: whatever is found, ASan sees a read that leaves them.
    std::mt19937 random(1);
    std::function<void(Json)> walk = [&walk](Json value) {
        static_cast<void>(value.string());
        static_cast<void>(value.integer<int>());
        static_cast<void>(value.real());
        value.elements(walk);
        value.members([&walk](const std::string&, Json member) { walk(member); });
    };
    for (std::size_t end = 0; end <= good.size(); ++end) {
        const std::vector<char> exact(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(end));
        walk(Json(std::string_view(exact.data(), exact.size())));
    }
    for (int i = 0; i < 3000; ++i) {
        std::vector<char> damaged(good.begin(), good.end());
        for (int n = 0; n < 4; ++n) damaged[random() % damaged.size()] = R"({}[]",:\u )"[random() % 10];
        walk(Json(std::string_view(damaged.data(), damaged.size())));
    }
    const std::string deep(1000000, '[');
    static_cast<void>(Json(deep)["x"]);
}

template <class Exception>
static bool catches(const llmrouter::Error& error) {
    try {
        error.raise();
    } catch (const Exception& caught) {
        return caught.code() == error.code() && caught.json() == error.json();
    } catch (...) {
        return false;
    }
}

TEST("every code has a class, and is caught by it") {
    using namespace llmrouter;
    const auto error = [](int code) { return Error(static_cast<router_error_code_t>(code), "m"); };
    std::vector<int> codes{1, 2, 3, 4, 5, 6, 7, 8, 1001, 1002, 1003, 1004, 1005, 1006, 1007};
    for (int code = 400; code < 600; ++code) codes.push_back(code);
    for (const int code : codes) {
        CHECK(error(code).error_class() != ErrorClass::unknown);
        CHECK_SAME(error(code).name(), std::string(router_error_name(code)));
        CHECK_SAME(std::string(error(code).what()), "m");
    }
    CHECK(error(999).error_class() == ErrorClass::unknown);
    CHECK(catches<Error>(error(999)) && !catches<APIError>(error(999)));

    CHECK(catches<InvalidArgumentError>(error(1)) && catches<ConfigError>(error(2)) && catches<CancelledError>(error(3)));
    CHECK(catches<ShutDownError>(error(4)) && catches<ForkedError>(error(5)) && catches<InternalError>(error(6)));
    CHECK(catches<InCallbackError>(error(7)) && catches<BusyError>(error(8)));
    CHECK(catches<BadRequestError>(error(400)) && catches<BadRequestError>(error(413)));
    CHECK(catches<AuthenticationError>(error(401)) && catches<PermissionDeniedError>(error(403)));
    CHECK(catches<NotFoundError>(error(404)) && catches<Timeout>(error(408)));
    CHECK(catches<UnprocessableEntityError>(error(422)) && catches<RateLimitError>(error(429)));
    CHECK(catches<InternalServerError>(error(500)) && catches<InternalServerError>(error(529)));
    CHECK(catches<BadGatewayError>(error(502)) && catches<ServiceUnavailableError>(error(503)));
    CHECK(catches<APIConnectionError>(error(1001)) && catches<APIResponseValidationError>(error(1002)));
    CHECK(catches<StreamTruncatedError>(error(1003)) && catches<ContextWindowExceededError>(error(1004)));
    CHECK(catches<ContentPolicyViolationError>(error(1005)) && catches<RouterRateLimitError>(error(1006)));
    CHECK(catches<BudgetExceededError>(error(1007)) && catches<APIError>(error(418)));
    CHECK(catches<BadRequestError>(error(1004)) && catches<BadRequestError>(error(1005)));
    CHECK(!catches<RateLimitError>(error(500)));
}

int main() { return check::run(); }
