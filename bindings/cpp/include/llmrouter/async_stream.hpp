/// A stream that is read without holding a thread.
#ifndef LLMROUTER_ASYNC_STREAM_HPP
#define LLMROUTER_ASYNC_STREAM_HPP

#include <llmrouter.h>

#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "call.hpp"
#include "coroutine.hpp"
#include "error.hpp"
#include "metadata.hpp"
#include "outcome.hpp"
#include "read.hpp"
#include "stream.hpp"

namespace llmrouter {

/// A streamed call that has brought its first content (`Router::stream_task`, `Router::stream_async`), and whose chunks
/// are awaited, or come by callback or future. Move-only; it may outlive the router.
///
///     auto stream = co_await router.stream_task(request);
///     while (auto chunk = co_await stream.next()) std::cout << chunk->text() << std::flush;
///
/// One read at a time: another one beside it fails with `BusyError`. `cancel` is for any thread. A stream that is
/// dropped before its end is cancelled; a read that still waits then ends with `CancelledError`. Inside a callback, or in
/// a coroutine on a library thread, dropping it does not wait; elsewhere it waits for the end of that read.
class AsyncStream {
public:
    /// Takes over a stream of the C ABI.
    explicit AsyncStream(router_stream_t* owned)
        : state_(std::make_shared<detail::StreamState>(detail::StreamHandle(owned))) {}
    AsyncStream(AsyncStream&&) noexcept = default;
    AsyncStream& operator=(AsyncStream&& other) noexcept {
        if (this != &other) {
            close();
            link_ = std::move(other.link_);
            state_ = std::move(other.state_);
        }
        return *this;
    }
    ~AsyncStream() { close(); }

    /// What has arrived and was not read yet, or else the next chunk; nothing at the end. What goes wrong midway is
    /// thrown by `get()`, after all that came before it, and again if it is asked again. Not to be waited for inside a
    /// callback.
    [[nodiscard]] std::future<std::vector<Chunk>> read_async() {
        try {
            return detail::read_on(std::make_unique<detail::ReadFuture>(state()));
        } catch (const Error&) {
            std::promise<std::vector<Chunk>> refused;
            refused.set_exception(std::current_exception());
            return refused.get_future();
        }
    }

    /// The same, which ends in `callback(ChunksOutcome)`, exactly once: on a library thread, possibly before this
    /// returns, or here, with chunks that `next` has left. It must not block; it may read on, cancel and destroy. What
    /// it throws goes to the future. Throws if the read is not accepted; then the callback is not called.
    template <class Callback, class = std::enable_if_t<std::is_invocable_v<std::decay_t<Callback>&, ChunksOutcome>>>
    std::future<void> read_async(Callback&& callback) {
        using Pending = detail::ReadFunction<std::decay_t<Callback>>;
        return detail::read_on(std::make_unique<Pending>(state(), std::forward<Callback>(callback)));
    }

#if defined(__cpp_impl_coroutine)
    /// The next chunk, none at the end: `while (auto chunk = co_await stream.next())`. What goes wrong midway is
    /// thrown, after all that came before it, and again if it is asked again. See `ChunkTask` for where the coroutine
    /// goes on.
    ChunkTask next() { return ChunkTask(state()); }
#endif

    /// The first choice's text, or a response's, as far as it was read.
    std::string text() const { return state_ ? state_->text() : std::string(); }

    /// What the router adds: from the beginning, who answers and what was tried; from the end on, all of it.
    Metadata metadata() const { return detail::metadata(metadata_json()); }
    /// The same as JSON.
    std::string metadata_json() const { return std::string(detail::metadata_of(c_api())); }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J metadata() const {
        return J::parse(metadata_json());
    }

    /// Ends it early, from any thread: what has arrived can still be read, then comes `CancelledError`, or what won
    /// the race.
    void cancel() const {
        if (state_) state_->cancel();
    }

#if defined(__cpp_lib_jthread)
    /// Has a stop request do that, in the place of the token before.
    void cancel_on(const std::stop_token& stop) {
        link_.reset();
        auto cancel = [state = state()] { state->cancel(); };
        link_ = std::make_shared<std::stop_callback<decltype(cancel)>>(stop, cancel);
    }
#endif

    /// The handle, still owned by this object.
    router_stream_t* c_api() const noexcept { return state_ ? state_->handle() : nullptr; }

private:
    const std::shared_ptr<detail::StreamState>& state() const {
        if (!state_) Error(ROUTER_ERROR_INVALID_ARGUMENT, "the stream was moved away").raise();
        return state_;
    }

    void close() noexcept {
        link_.reset();
        if (state_) state_->close();
    }

    /// Outlives this object while a read is owed.
    std::shared_ptr<detail::StreamState> state_;
    /// What listens to a stop token; the same in every standard.
    std::shared_ptr<void> link_;
};

/// How the opening of a stream ended. What its callback is given.
using StreamOutcome = OutcomeOf<AsyncStream>;

namespace detail {

/// The kind that opens a stream.
struct Opening {
    using Raw = router_stream_t;
    using Result = AsyncStream;
    static constexpr auto begin = &router_request_stream_async;
#if defined(__cpp_lib_jthread)
    /// A stop request ends the stream, too.
    static void stop_with(const std::stop_token& stop, AsyncStream& stream) {
        if (stop.stop_possible()) stream.cancel_on(stop);
    }
#endif
};

}  // namespace detail

#if defined(__cpp_impl_coroutine)
/// A stream to be opened and awaited (`Router::stream_task`, `request_stream_task`).
using StreamTask = CallTask<detail::Opening>;
#endif

}  // namespace llmrouter

#endif
