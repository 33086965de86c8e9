// Streams: read, looped over, left, broken in the middle, cancelled from another thread.

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <llmrouter.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<ranges>)
#include <ranges>
#endif

#include "check.hpp"
#include "provider.hpp"
#include "slow.hpp"

using namespace std::chrono_literals;
using llmrouter::Chunk;
using llmrouter::Router;
using llmrouter::Stream;
using nlohmann::json;

static_assert(std::is_nothrow_move_constructible_v<Stream> && std::is_nothrow_move_assignable_v<Stream>);
static_assert(!std::is_copy_constructible_v<Stream> && !std::is_copy_assignable_v<Stream>);
static_assert(!std::is_convertible_v<router_stream_t*, Stream>);
static_assert(std::is_same_v<decltype(std::declval<Stream>().metadata_json()), std::string>, "a temporary lends nothing");
static_assert(std::is_same_v<decltype(std::declval<Chunk>().json()), std::string>, "a temporary lends nothing");
#if defined(__cpp_lib_ranges)
static_assert(std::ranges::input_range<Stream>);
#endif

static const std::string answer = "Grüße, \\\"world\\\": four words.";
static const std::string plain = "Grüße, \"world\": four words.";
static const std::string broken = "'Exception: mock_streaming_error, Hello there'";

static Router mock(const std::string& text) { return Router::from_yaml(mock_config(0, text)); }
static Router answering() { return mock('"' + answer + '"'); }

TEST("a stream is read chunk by chunk, and its end stays") {
    const Router router = answering();
    Stream stream = router.stream(hi);
    CHECK_SAME(stream.metadata().deployment, "one");
    std::vector<Chunk> chunks;
    std::string text;
    while (std::optional<Chunk> chunk = stream.next()) {
        text += chunk->text();
        CHECK_SAME(stream.text(), text);
        chunks.push_back(*std::move(chunk));
    }
    CHECK(!stream.next() && !stream.next());
    CHECK_SAME(text, plain);
    CHECK(chunks.size() > 3);
    CHECK_SAME(chunks.front().json<json>()["choices"][0]["delta"]["role"], "assistant");
    CHECK_SAME(json::parse(chunks.front().json()), chunks.front().json<json>());
    CHECK(!chunks.front().finish_reason());
    CHECK_SAME(chunks.back().finish_reason().value(), "stop");
    CHECK_SAME(chunks.back().text(), "");

    const llmrouter::Metadata metadata = stream.metadata();
    CHECK_SAME(metadata.usage.value().total_tokens, 30);
    CHECK_SAME(metadata.attempts.size(), 1U);
    CHECK(!metadata.usage_estimated && metadata.ttft_ms.value() >= 0 && metadata.latency_ms > 0);
    CHECK_SAME(json::parse(stream.metadata_json()), stream.metadata<json>());
}

TEST("a stream is a range of chunks") {
    const Router router = answering();
    std::string text;
    for (const auto& chunk : router.stream(hi)) text += chunk.text();
    CHECK_SAME(text, plain);

    Stream stream = router.stream(llmrouter::ChatRequest().model("g").user("hi").set("stream", true));
    const auto ends = std::count_if(stream.begin(), stream.end(),
                                    [](const Chunk& chunk) { return chunk.finish_reason().has_value(); });
    CHECK_SAME(ends, 1);
    CHECK_SAME(stream.text(), plain);
    CHECK(stream.begin() == stream.end());
    CHECK_SAME(std::move(stream).text(), plain);

    Stream other = router.stream(hi);
    auto at = other.begin();
    const Chunk first = *at++;
    CHECK_SAME(first.json<json>()["choices"][0]["delta"]["role"], "assistant");
    CHECK(at != other.end() && at->json() != first.json());
}

TEST("what fails before the first content is thrown by the call") {
    const Router router = Router::from_yaml(failing_config);
    CHECK_THROWS(llmrouter::InternalServerError, router.stream(hi));
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.stream("{"));
    CHECK_THROWS(llmrouter::BadRequestError, router.stream(R"({"model": "nobody", "messages": []})"));
    Router moved = answering();
    const Router taken = std::move(moved);
    CHECK_THROWS(llmrouter::ShutDownError, moved.stream(hi));
}

TEST("an error in the middle is thrown, after the text that came before it, and again") {
    const Router router = mock(broken);
    Stream stream = router.stream(hi);
    std::string text;
    int thrown = 0;
    try {
        for (const auto& chunk : stream) text += chunk.text();
    } catch (const llmrouter::Error& error) {
        ++thrown;
        CHECK_SAME(error.status(), 529);
        CHECK_SAME(error.name(), "InternalServerError");
        CHECK_SAME(error.attempts().size(), 1U);
        CHECK_SAME(error.deployment().value(), "one");
    }
    CHECK_SAME(thrown, 1);
    CHECK_SAME(text, "Hello there");
    CHECK_SAME(stream.text(), text);
    CHECK_THROWS(llmrouter::InternalServerError, stream.next());
    CHECK_THROWS(llmrouter::InternalServerError, stream.begin());
    CHECK(stream.metadata().usage_estimated);

    // An iterator that throws stays where it was.
    Stream again = router.stream(hi);
    auto at = again.begin();
    std::string last;
    try {
        for (;; ++at) last = at->json();
    } catch (const llmrouter::InternalServerError&) {
        ++thrown;
    }
    CHECK_SAME(thrown, 2);
    CHECK(at != again.end());
    CHECK_SAME(at->json(), last);
}

TEST("who leaves the loop cancels") {
    const Slow slow;
    const Router router = slow.router();
    const auto start = check::Clock::now();
    for (const auto& chunk : router.stream(hi)) {
        CHECK_SAME(chunk.text(), "x");
        CHECK_SAME(deployment(router)["in_flight"], 1);
        break;
    }
    CHECK(check::eventually([&] { return deployment(router)["in_flight"] == 0; }));
    CHECK(check::Clock::now() - start < 5s);

    // A stream that is held goes on where the loop was left.
    Stream held = router.stream(hi);
    for (int loops = 0; loops < 3; ++loops) {
        for (const auto& chunk : held) {
            CHECK_SAME(chunk.text(), "x");
            break;
        }
    }
    CHECK_SAME(held.text(), "xxx");
}

TEST("cancel, from another thread, wakes the one that reads") {
    const Slow slow;
    const Router router = slow.router();
    Stream stream = router.stream(hi);
    auto reader = std::async(std::launch::async, [&] {
        while (stream.next()) {}
    });
    std::this_thread::sleep_for(50ms);
    stream.cancel();
    CHECK_THROWS(llmrouter::CancelledError, (reader.get(), 0));
    CHECK(!stream.text().empty());
    CHECK_THROWS(llmrouter::CancelledError, stream.next());
    CHECK_SAME(stream.metadata().attempts.at(0).error.value(), "CancelledError");
    stream.cancel();
}

TEST("streams move, and outlive the router") {
    const Slow slow;
    auto router = std::make_unique<Router>(slow.router());
    Stream first = router->stream(hi);
    Stream stream = std::move(first);
    CHECK(first.c_api() == nullptr);
    CHECK_THROWS(llmrouter::InvalidArgumentError, first.next());
    CHECK_SAME(std::string(first.metadata_json()), "");
    first.cancel();
    first = std::move(stream);
    CHECK_SAME(first.next().value().text(), "x");
    const auto start = check::Clock::now();
    router.reset();
    CHECK(check::Clock::now() - start < 5s);
    CHECK_THROWS(llmrouter::ShutDownError, [&] { while (first.next()) {} }());
    CHECK_SAME(first.metadata().deployment, "slow");

    const Router other = answering();
    first = other.stream(hi);
    for (const auto& chunk : first) static_cast<void>(chunk);
    CHECK_SAME(first.text(), plain);
    router_stream_t* raw = first.release();
    CHECK(first.c_api() == nullptr);
    CHECK(!Stream(raw).next());
}

TEST("inside a callback streams are refused") {
    const Router router = answering();
    Stream stream = router.stream(hi);
    router.completion_async(hi, [&](const llmrouter::Outcome&) {
        CHECK_THROWS(llmrouter::InCallbackError, router.stream(hi));
        CHECK_THROWS(llmrouter::InCallbackError, stream.next());
    }).get();
    CHECK(stream.next());
}

int main() { return check::run(); }
