// Streams that no thread waits for: opened and read by future, callback and coroutine; broken, cancelled, dropped.

#include <atomic>
#include <chrono>
#include <future>
#include <llmrouter.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "check.hpp"
#include "provider.hpp"
#include "slow.hpp"

#if defined(__cpp_impl_coroutine)
#include "awaiting.hpp"
#endif

using namespace std::chrono_literals;
using llmrouter::AsyncStream, llmrouter::Chunk, llmrouter::ChunksOutcome, llmrouter::Router, llmrouter::StreamOutcome;

static_assert(std::is_nothrow_move_constructible_v<AsyncStream> && std::is_nothrow_move_assignable_v<AsyncStream>);
static_assert(!std::is_copy_constructible_v<AsyncStream> && !std::is_convertible_v<router_stream_t*, AsyncStream>);

static const std::string said = "A whole answer in more than a few pieces.";
static const std::string broken = "'Exception: mock_streaming_error, Hello there'";
static const std::string unknown = R"({"model": "nobody", "messages": []})";

static Router mock(const std::string& text) { return Router::from_yaml(mock_config(0, text)); }
static Router silent() { return Router::from_yaml(mock_config(20000)); }
static bool idle(const Router& router) {
    return check::eventually([&] { return deployment(router)["in_flight"] == 0; });
}

/// Reads to the end; what was read.
static std::string drain(AsyncStream& stream) {
    std::string text;
    for (auto chunks = stream.read_async().get(); !chunks.empty(); chunks = stream.read_async().get()) {
        for (const Chunk& chunk : chunks) text += chunk.text();
    }
    return text;
}

TEST("by futures: opened, read, and its end stays") {
    const Router router = mock(said);
    AsyncStream stream = router.stream_async(hi).get();
    CHECK_SAME(stream.metadata().deployment, "one");
    CHECK_SAME(drain(stream), said);
    CHECK_SAME(stream.text(), said);
    CHECK(stream.read_async().get().empty());
    CHECK_SAME(stream.metadata().usage.value().total_tokens, 30);
    CHECK(stream.metadata<nlohmann::json>()["ttft_ms"].is_number());
}

using Told = std::shared_ptr<std::promise<std::string>>;

/// Reads on in the callback of each read; tells the text, or the error, once.
static void read_on(std::shared_ptr<AsyncStream> stream, const Told& told) {
    AsyncStream& source = *stream;
    source.read_async([stream = std::move(stream), told](ChunksOutcome read) {
        if (!read) return told->set_exception(read.error().as_exception());
        if (read.value().empty()) return told->set_value(stream->text());
        read_on(stream, told);
    });
}

TEST("by callbacks: each reads on, and the last drops the stream") {
    const Router router = mock(said);
    for (int i = 0; i < 50; ++i) {
        const auto told = std::make_shared<std::promise<std::string>>();
        auto opening = router.stream_async(hi, [told](StreamOutcome opened) {
            read_on(std::make_shared<AsyncStream>(std::move(opened).value()), told);
        });
        CHECK_SAME(told->get_future().get(), said);
        opening.get();
    }
    CHECK(idle(router));
    const auto throws = [](const auto&) { throw std::out_of_range("full"); };
    CHECK_THROWS(std::out_of_range, router.stream_async(hi).get().read_async(throws).get());
    CHECK_THROWS(std::out_of_range, router.stream_async(hi, throws).get());
}

TEST("what fails before the first content is the opening's") {
    Router router = Router::from_yaml(failing_config);
    CHECK_THROWS(llmrouter::InternalServerError, router.stream_async(hi).get());
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.stream_async("{").get());
    CHECK_THROWS(llmrouter::BadRequestError, router.stream_async(unknown).get());
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.stream_async("{", [](const StreamOutcome&) {}));
    std::string name;
    router.stream_async(hi, [&name](const StreamOutcome& opened) { name = opened.error().name(); }).get();
    CHECK_SAME(name, "InternalServerError");
    router.close();
    CHECK_THROWS(llmrouter::ShutDownError, router.stream_async(hi).get());
}

TEST("an error in the middle comes after the text before it, and again") {
    const Router router = mock(broken);
    AsyncStream stream = router.stream_async(hi).get();
    CHECK_THROWS(llmrouter::InternalServerError, drain(stream));
    CHECK_SAME(stream.text(), "Hello there");
    CHECK_THROWS(llmrouter::InternalServerError, stream.read_async().get());
    const auto told = std::make_shared<std::promise<std::string>>();
    read_on(std::make_shared<AsyncStream>(router.stream_async(hi).get()), told);
    CHECK_THROWS(llmrouter::InternalServerError, told->get_future().get());
}

TEST("one read at a time, which a cancel or the stream's end of life ends") {
    const Slow slow(20000);
    const Router router = slow.router();
    AsyncStream stream = router.stream_async(hi).get();
    CHECK_SAME(stream.read_async().get().size(), 1U);
    auto waiting = stream.read_async();
    CHECK_THROWS(llmrouter::BusyError, stream.read_async().get());
    CHECK_THROWS(llmrouter::BusyError, stream.read_async([](const ChunksOutcome&) {}));
    std::thread([&] { stream.cancel(); }).join();
    CHECK_THROWS(llmrouter::CancelledError, waiting.get());
    CHECK_THROWS(llmrouter::CancelledError, stream.read_async().get());

    stream = router.stream_async(hi).get();
    CHECK_SAME(stream.read_async().get().size(), 1U);
    waiting = stream.read_async();
    CHECK(waiting.wait_for(0s) == std::future_status::timeout);
    { const AsyncStream dropped = std::move(stream); }
    CHECK(waiting.wait_for(0s) == std::future_status::ready);
    CHECK_THROWS(llmrouter::CancelledError, waiting.get());
    CHECK_THROWS(llmrouter::InvalidArgumentError, stream.read_async().get());
    CHECK_SAME(stream.text() + stream.metadata_json(), "");
    stream.cancel();
    CHECK(idle(router));
}

TEST("an opening is cancelled, and a stream outlives its router") {
    const Router never = silent();
    auto opening = never.stream_async(hi);
    opening.cancel();
    CHECK_THROWS(llmrouter::CancelledError, opening.get());

    const Slow slow;
    auto router = std::make_unique<Router>(slow.router());
    AsyncStream stream = router->stream_async(hi).get();
    router.reset();
    CHECK_THROWS(llmrouter::ShutDownError, drain(stream));
    CHECK_SAME(stream.metadata().deployment, "slow");
}

#if defined(__cpp_impl_coroutine)

static Waited collect(const Router& router, std::string request, std::string& text, std::stop_token stop = {}) {
    AsyncStream stream = co_await router.stream_task(request, std::move(stop));
    while (const auto chunk = co_await stream.next()) text += chunk->text();
    if ((co_await stream.next()).has_value()) text += "more after the end";
}

TEST("awaited: a thousand streams") {
    const Router router = mock(said);
    std::vector<std::string> texts(1000);
    std::vector<Waited> all;
    for (std::string& text : texts) all.push_back(collect(router, hi, text));
    for (Waited& one : all) one.done.get();
    for (const std::string& text : texts) CHECK_SAME(text, said);
    CHECK(idle(router));
}

TEST("awaited: errors are thrown where the stream or the chunk is awaited") {
    std::string text;
    CHECK_THROWS(llmrouter::InternalServerError, collect(mock(broken), hi, text).done.get());
    CHECK_SAME(text, "Hello there");
    const Router failing = Router::from_yaml(failing_config);
    CHECK_THROWS(llmrouter::InternalServerError, collect(failing, hi, text).done.get());
    CHECK_THROWS(llmrouter::InvalidArgumentError, collect(failing, "{", text).done.get());
    CHECK_THROWS(llmrouter::BadRequestError, collect(failing, unknown, text).done.get());
}

TEST("awaited: goes on where it is told, and what has come is there at once") {
    const Slow slow(1);
    const Router router = slow.router();
    Loop loop;
    std::atomic<int> posted{0};
    const llmrouter::Executor on_loop = [&](std::coroutine_handle<> rest) { ++posted, loop.post(rest); };
    const auto work = [](const Router& r, const llmrouter::Executor& there, std::thread::id id) -> Waited {
        AsyncStream stream = co_await r.stream_task(hi).resume_on(there);
        CHECK(std::this_thread::get_id() == id);
        std::this_thread::sleep_for(500ms);
        for (int i = 0; i < 100; ++i) CHECK_SAME((co_await stream.next().resume_on(there))->text(), "x");
        CHECK(std::this_thread::get_id() == id);
        // Chunks that were taken over and not read yet come first in the other forms.
        std::size_t count = 100;
        while (count < 1000) count += stream.read_async().get().size();
        CHECK_SAME(stream.text().size(), 1000U);
        CHECK_SAME(count, 1000U);
    };
    work(router, on_loop, loop.id()).done.get();
    CHECK(posted > 1 && posted < 60);

    const auto full = [](AsyncStream stream) -> Waited {
        for (;;) co_await stream.next().resume_on([](std::coroutine_handle<>) { throw std::out_of_range("full"); });
    };
    CHECK_THROWS(std::out_of_range, full(router.stream_async(hi).get()).done.get());
}

TEST("a stop request ends the opening and the reading, by any thread") {
    const Router never = silent();
    const Slow slow(20000);
    const Router router = slow.router();
    std::string text;
    std::stop_source before;
    before.request_stop();
    CHECK_THROWS(llmrouter::CancelledError, collect(router, hi, text, before.get_token()).done.get());
    CHECK_THROWS(llmrouter::CancelledError, router.stream_async(hi, before.get_token()).get());
    std::stop_source opening;
    Waited waited = collect(never, hi, text, opening.get_token());
    opening.request_stop();
    CHECK_THROWS(llmrouter::CancelledError, waited.done.get());
    CHECK_SAME(text, "");

    std::stop_source reading;
    AsyncStream stream = router.stream_async(hi, reading.get_token()).get();
    waited = collect(router, hi, text, reading.get_token());
    CHECK(check::eventually([&] { return deployment(router)["in_flight"] == 2; }));
    CHECK_SAME(stream.read_async().get().size(), 1U);
    AsyncStream moved = std::move(stream);
    auto chunks = moved.read_async();
    std::jthread([&] { reading.request_stop(); }).join();
    CHECK_THROWS(llmrouter::CancelledError, waited.done.get());
    CHECK_THROWS(llmrouter::CancelledError, chunks.get());
    CHECK(idle(router));

    const Router quick = mock(said);
    for (int i = 0; i < 200; ++i) {
        std::stop_source racing;
        text.clear();
        Waited one = collect(quick, hi, text, racing.get_token());
        std::this_thread::sleep_for(std::chrono::microseconds(i * 10));
        racing.request_stop();
        try {
            one.done.get();
            CHECK_SAME(text, said);
        } catch (const llmrouter::CancelledError&) {}
    }
    CHECK(idle(quick));
}

TEST("left, or destroyed while it waits") {
    const Router never = silent();
    const Slow slow(20000);
    const Router router = slow.router();
    const auto leaves = [](const Router& r) -> Waited {
        AsyncStream stream = co_await r.stream_task(hi);
        while (co_await stream.next()) co_return;
    };
    leaves(router).done.get();
    std::string text;
    collect(never, hi, text).handle.destroy();
    CHECK(idle(router) && idle(never));

    const auto waits = [](AsyncStream stream, std::shared_ptr<int> held) -> Waited {
        co_await stream.next();
        ++*held;
    };
    const auto begun = [&router] {
        AsyncStream stream = router.stream_async(hi).get();
        CHECK_SAME(stream.read_async().get().size(), 1U);
        return stream;
    };
    const auto held = std::make_shared<int>(0);
    waits(begun(), held).handle.destroy();
    CHECK(idle(router));
    CHECK_SAME(*held + held.use_count(), 1);

    // A stream that somebody else holds is cancelled.
    AsyncStream stream = begun();
    [](AsyncStream& from) -> Waited { co_await from.next(); }(stream).handle.destroy();
    CHECK(idle(router));
    CHECK_THROWS(llmrouter::CancelledError, stream.read_async().get());
}

#endif

#if defined(__cpp_lib_expected)
TEST("errors as values") {
    const Router router = mock(broken);
    std::expected<llmrouter::Stream, llmrouter::Error> stream = router.try_stream(hi);
    std::expected<std::optional<Chunk>, llmrouter::Error> chunk = stream->try_next();
    while (chunk && *chunk) chunk = stream->try_next();
    CHECK(!chunk && chunk.error().status() == 529);
    CHECK_SAME(stream->text(), "Hello there");
    const auto refused = router.try_stream(unknown);
    CHECK(!refused && refused.error().error_class() == llmrouter::ErrorClass::bad_request);
    const Router whole = mock(said);
    stream = whole.try_stream(hi);
    for (chunk = stream->try_next(); chunk.value(); chunk = stream->try_next()) {}
    CHECK_SAME(stream->text(), said);
}
#endif

int main() { return check::run(); }
