// What a finished stream says: put together by one table for all languages, from any split, over sockets.

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <future>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "check.hpp"
#include "provider.hpp"
#include "splitting.hpp"

#if defined(__cpp_impl_coroutine)
#include "awaiting.hpp"
#endif

using llmrouter::Accumulator, llmrouter::AsyncStream, llmrouter::Chunk, llmrouter::Router, llmrouter::Stream;
using nlohmann::json;

static_assert(std::is_copy_constructible_v<Accumulator> && std::is_nothrow_move_constructible_v<Accumulator>);
static_assert(std::is_constructible_v<Accumulator, Stream> && std::is_constructible_v<Accumulator, Stream&>);
static_assert(std::is_constructible_v<Accumulator, const std::vector<Chunk>&>);
static_assert(!std::is_constructible_v<Accumulator, std::vector<std::string>>, "texts are no chunks");
static_assert(!std::is_convertible_v<Stream, Accumulator>, "reading a stream is said");

static const std::string broken = "'Exception: mock_streaming_error, Hello there'";

static Router mock(const std::string& text) { return Router::from_yaml(mock_config(0, text)); }

static json call(const char* id, const char* name, const char* arguments) {
    return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

static json spoken() {
    const json message = {{"role", "assistant"},
                          {"content", "Grüße, \"Welt\"! 🌍🌎"},
                          {"reasoning_content", "Let me think…\n"},
                          {"tool_calls", {call("c1", "f", R"({"city": "Zürich 🏔"})"), call("c2", "g", "{}"),
                                          call("c3", "f", R"({"x": [1, 2]})")}}};
    const json refusal = {{"role", "assistant"}, {"content", nullptr}, {"refusal", "I will not do that."}};
    const json calls = {{"index", 0}, {"message", message}, {"finish_reason", "tool_calls"}};
    const json refuses = {{"index", 1}, {"message", refusal}, {"finish_reason", "stop"}};
    return {{"id", "c"}, {"object", "chat.completion"}, {"created", 1}, {"model", "m"}, {"choices", {calls, refuses}},
            {"usage", {{"prompt_tokens", 3}, {"completion_tokens", 4}, {"total_tokens", 7}}}};
}

TEST("the table of all languages") {
    std::ifstream file("tests/bindings/accumulated.json");
    const json cases = json::parse(file).at("cases");
    CHECK(cases.size() > 15);
    for (const json& one : cases) {
        Accumulator whole;
        for (const json& chunk : one.at("chunks")) whole.add(Chunk(chunk.dump(2)));
        if (whole.body<json>() != one.at("completion")) {
            check::fail(one.at("name").get<std::string>() + ": " + whole.body(), __LINE__);
        }
        for (const json& choice : one.at("completion").at("choices")) {
            CHECK_SAME(json::parse(whole.message(choice.at("index"))), choice.at("message"));
        }
    }
}

TEST("any split gives the same answer") {
    const json whole = spoken();
    std::size_t most = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        Random random(seed);
        const std::vector<Chunk> chunks = split(whole, random);
        most = std::max(most, chunks.size());
        CHECK_SAME(Accumulator(chunks).body<json>(), whole);
    }
    CHECK(most > 30);
}

TEST("its parts, of each choice") {
    Random random(7);
    const Accumulator answer(split(spoken(), random));
    CHECK_SAME(answer.choices(), 2U);
    CHECK_SAME(answer.text(), "Grüße, \"Welt\"! 🌍🌎");
    CHECK_SAME(answer.reasoning(), "Let me think…\n");
    CHECK_SAME(answer.refusal() + answer.text(1) + answer.reasoning(1), "");
    CHECK_SAME(answer.refusal(1), "I will not do that.");
    CHECK_SAME(answer.finish_reason().value(), "tool_calls");
    CHECK_SAME(answer.finish_reason(1).value(), "stop");
    const auto calls = answer.tool_calls();
    CHECK_SAME(calls.size(), 3U);
    CHECK_SAME(calls[0].id + calls[1].id + calls[2].id, "c1c2c3");
    CHECK_SAME(calls[0].name + calls[1].name + calls[2].name, "fgf");
    CHECK_SAME(json::parse(calls[0].arguments)["city"], "Zürich 🏔");
    CHECK(answer.tool_calls(1).empty());
    CHECK_SAME(answer.usage().value().total_tokens, 7);
    CHECK_SAME(Accumulator().add(Chunk(R"({"choices":[{"index":0,"delta":{"reasoning":"hm"}}]})")).reasoning(), "hm");

    const Accumulator nothing;
    CHECK_SAME(nothing.choices() + nothing.tool_calls().size(), 0U);
    CHECK_SAME(nothing.text() + answer.text(2) + answer.refusal(-1), "");
    CHECK(!nothing.finish_reason() && !nothing.usage() && !answer.finish_reason(2));
    CHECK_SAME(nothing.message(), R"({"role":"assistant","content":""})");
    CHECK_SAME(nothing.body<json>(), (json{{"object", "chat.completion"}, {"choices", json::array()}}));
}

TEST("a character whose escapes come apart is whole again, and depth does no harm") {
    Accumulator face;
    face.add(Chunk(R"({"choices":[{"index":0,"delta":{"content":"a\ud83d"}}]})"));
    face.add(Chunk(R"({"choices":[{"index":0,"delta":{"content":"\ude00b"}}]})"));
    CHECK_SAME(face.text(), "a😀b");
    CHECK_SAME(json::parse(face.message())["content"], "a😀b");

    const std::string inner = std::string(1000000, '[') + std::string(1000000, ']');
    const Chunk chunk(R"({"choices":[{"index":0,"delta":{"content":"x","deep":[)" + inner + "]}}]}");
    const std::string message = Accumulator().add(chunk).add(chunk).message();
    CHECK(message == R"({"role":"assistant","deep":[)" + inner + ',' + inner + R"(],"content":"xx"})");
}

TEST("what is no chunk of a chat adds nothing, and what is no JSON does no harm") {
    Accumulator whole;
    for (const char* other : {"", "null", "{}", R"({"choices":{}})", R"({"type":"response.created","text":"x"})"}) {
        whole.add(Chunk(other));
    }
    CHECK_SAME(whole.body(), Accumulator().body());
    whole.add(Chunk(R"({"choices":[null,7,{"index":0}]})"));
    CHECK_SAME(whole.choices(), 3U);
    CHECK_SAME(whole.message(), Accumulator().message());
    // Every beginning of a chunk: read under the sanitizers.
    Random random(3);
    std::size_t read = 0;
    for (const Chunk& chunk : split(spoken(), random)) {
        for (std::size_t end = 0; end < chunk.json().size(); ++end) {
            read += Accumulator().add(Chunk(chunk.json().substr(0, end))).body().size();
        }
    }
    CHECK(read > 0);
}

TEST("of a stream: all of it, the rest of it, beside a loop") {
    const Router router = mock("\"Hello, all of you!\"");
    CHECK_SAME(Accumulator(router.stream(hi)).text(), "Hello, all of you!");

    Stream stream = router.stream(hi);
    Accumulator answer;
    for (const auto& chunk : stream) {
        answer.add(chunk);
        CHECK_SAME(answer.text(), stream.text());
        if (!answer.text().empty()) break;
    }
    CHECK(!answer.finish_reason() && answer.text() != "Hello, all of you!");
    answer.add(stream);
    CHECK_SAME(answer.text(), "Hello, all of you!");
    CHECK_SAME(answer.finish_reason().value(), "stop");
    CHECK(!answer.usage());
    CHECK_SAME(stream.metadata().usage.value().total_tokens, 30);
    const std::string before = answer.body();
    CHECK_SAME(answer.add(stream).body(), before);
}

TEST("an error in the middle is thrown, and what came is kept") {
    const Router router = mock(broken);
    Accumulator answer;
    CHECK_THROWS(llmrouter::InternalServerError, answer.add(router.stream(hi)));
    CHECK_SAME(answer.text(), "Hello there");
    CHECK(!answer.finish_reason());
    CHECK_THROWS(llmrouter::InternalServerError, Accumulator(router.stream(hi)));
}

TEST("the message goes back") {
    const Router router = mock("done");
    const json calls = {call("c1", "f", R"({"x": 1})"), call("c2", "g", "{}")};
    json request = json::parse(hi);
    request["mock_response"] = nullptr;
    request["mock_tool_calls"] = calls;
    const Accumulator answer(router.stream(request));
    CHECK_SAME(json::parse(answer.message()), (json{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", calls}}));
    auto next = llmrouter::ChatRequest().model("g").user("hi").raw_message(answer.message());
    for (const auto& one : answer.tool_calls()) next.tool_result(one.id, one.name);
    CHECK_SAME(json::parse(next.json())["messages"][3]["content"], "g");
    CHECK_SAME(router.completion(next).text(), "done");
}

/// A deployment that says this, in these chunks.
static Router saying(const Provider& provider, const std::vector<Chunk>& chunks) {
    json texts = json::array();
    for (const Chunk& chunk : chunks) texts.push_back({{"text", "data: " + chunk.json() + "\n\n"}});
    texts.push_back({{"text", "data: [DONE]\n\n"}});
    const json reply = {{"chunks", texts}};
    provider.script(json{{"paths", {{"/one", {reply}}}}}.dump());
    return Router::from_yaml("model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_key: none, " +
                             ("api_base: \"" + provider.url()) + "/one\"}\n    model_info: {id: one}\n");
}

static const std::string two = R"({"model": "g", "n": 2, "stream_options": {"include_usage": true},
    "messages": [{"role": "user", "content": "hi"}]})";

TEST("two choices in many pieces, over a socket, read in each way") {
    const Provider provider;
    Random random(11);
    const Router router = saying(provider, split(spoken(), random));
    CHECK_SAME(Accumulator(router.stream(two)).body<json>(), spoken());

    AsyncStream stream = router.stream_async(two).get();
    Accumulator batches;
    for (std::vector<Chunk> chunks; !(chunks = stream.read_async().get()).empty();) batches.add(chunks);
    CHECK_SAME(batches.body<json>(), spoken());

#if defined(__cpp_impl_coroutine)
    Accumulator awaited;
    const auto read = [](const Router& from, Accumulator& into) -> Waited {
        AsyncStream opened = co_await from.stream_task(two);
        while (const auto chunk = co_await opened.next()) into.add(*chunk);
    };
    read(router, awaited).done.get();
    CHECK_SAME(awaited.body<json>(), spoken());
#endif
}

int main() { return check::run(); }
