/// One asynchronous read of a stream, in each form.
#ifndef LLMROUTER_READ_HPP
#define LLMROUTER_READ_HPP

#include <llmrouter.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "coroutine.hpp"
#include "error.hpp"
#include "json.hpp"
#include "outcome.hpp"
#include "stream.hpp"

namespace llmrouter {

/// What a read brought: one or more chunks, or none at the end. What its callback is given.
using ChunksOutcome = OutcomeOf<std::vector<Chunk>>;

namespace detail {

/// How many chunks one crossing brings at most.
inline constexpr std::uint32_t batch = 64;

/// What a stream, its reads and whoever may cancel it have in common.
class StreamState {
public:
    explicit StreamState(StreamHandle handle) noexcept : handle_(std::move(handle)) {}

    router_stream_t* handle() const noexcept { return handle_.get(); }

    void cancel() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        router_stream_cancel(handle_.get());
    }
    void close() noexcept {
        // Freed when the lock is gone: that waits for a read, which keeps what it brings.
        StreamHandle last;
        const std::lock_guard<std::mutex> lock(mutex_);
        last.swap(handle_);
    }

    /// Puts a JSON array of chunks behind those that are not handed out yet.
    void keep(std::string_view chunks) {
        const std::lock_guard<std::mutex> lock(mutex_);
        Json(chunks).elements([this](Json chunk) { ahead_.emplace_back(std::string(chunk.text())); });
    }
    bool has_some() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return !ahead_.empty();
    }
    /// Hands out one chunk, if there is one.
    std::optional<Chunk> one() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (ahead_.empty()) return std::nullopt;
        std::optional<Chunk> chunk(std::move(ahead_.front()));
        ahead_.pop_front();
        text_ += chunk->text();
        return chunk;
    }
    /// Hands out all there are.
    std::vector<Chunk> all() {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<Chunk> chunks(std::make_move_iterator(ahead_.begin()), std::make_move_iterator(ahead_.end()));
        ahead_.clear();
        for (const Chunk& chunk : chunks) text_ += chunk.text();
        return chunks;
    }
    std::string text() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    StreamHandle handle_;
    std::deque<Chunk> ahead_;
    std::string text_;
};

using SharedStream = std::shared_ptr<StreamState>;

/// How a read ended; what it brought is with the stream.
using Arrival = OutcomeOf<std::monostate>;

inline Arrival arrival(StreamState& stream, std::int32_t status, std::string_view chunks, router_error_t* error) {
    if (status != ROUTER_STREAM_CHUNK && status != ROUTER_STREAM_END) return Arrival(Error(ErrorHandle(error)));
    stream.keep(chunks);
    return Arrival(std::monostate());
}

/// What waits for the end of a read. Each form adds `end(arrival)`, which calls `arrival()` and lets nothing escape.
struct PendingRead {
    explicit PendingRead(SharedStream shared) noexcept : stream(std::move(shared)) {}

    SharedStream stream;
    /// The library hands this over to its thread; race detectors don't see how, so it is said once more.
    std::atomic<bool> handed_over{false};
};

/// The C callback of every form.
template <class Form>
void on_chunks(void* user_data, std::int32_t status, const char* chunks, std::size_t length,
               router_error_t* error) noexcept {
    const std::unique_ptr<Form> pending(static_cast<Form*>(user_data));
    static_cast<void>(pending->handed_over.load(std::memory_order_acquire));
    pending->end([&] { return arrival(*pending->stream, status, std::string_view(chunks, length), error); });
}

/// Starts a read that ends in `pending`. Throws if it is not accepted; then `pending` is not told.
template <class Form>
void read(std::unique_ptr<Form> pending) {
    // Before the hand-over: the callback may end with the stream.
    router_stream_t* const stream = pending->stream->handle();
    router_error_t* error = nullptr;
    pending->handed_over.store(true, std::memory_order_release);
    if (!router_stream_next_async(stream, batch, &on_chunks<Form>, pending.get(), &error)) {
        Error(ErrorHandle(error)).raise();
    }
    static_cast<void>(pending.release());
}

/// The same in a form that has a future, which is returned. What `next` has left comes first, and at once.
template <class Form>
auto read_on(std::unique_ptr<Form> pending) {
    auto future = pending->promise.get_future();
    if (pending->stream->has_some()) {
        pending->end([] { return Arrival(std::monostate()); });
    } else {
        detail::read(std::move(pending));
    }
    return future;
}

/// Ends in a future.
struct ReadFuture : PendingRead {
    using PendingRead::PendingRead;
    std::promise<std::vector<Chunk>> promise;

    template <class Arrived>
    void end(Arrived arrived) noexcept {
        try {
            arrived().value();
            promise.set_value(stream->all());
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    }
};

/// Ends in a function of the program's, and in a future of what that function throws.
template <class Function>
struct ReadFunction : PendingRead {
    template <class F>
    ReadFunction(SharedStream shared, F&& f) : PendingRead(std::move(shared)), function(std::forward<F>(f)) {}

    Function function;
    std::promise<void> promise;

    template <class Arrived>
    void end(Arrived arrived) noexcept {
        try {
            const Arrival how = arrived();
            function(how ? ChunksOutcome(stream->all()) : ChunksOutcome(how.error()));
            promise.set_value();
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    }
};

}  // namespace detail

#if defined(__cpp_impl_coroutine)

/// The next chunk of a stream, to be awaited, once. What has arrived already is there at once; else the coroutine goes
/// on on a thread of the library, as with `CallTask`, or where `resume_on` says.
///
/// A coroutine that is destroyed while it waits here cancels the stream.
class [[nodiscard]] ChunkTask {
public:
    explicit ChunkTask(detail::SharedStream stream, Executor executor = {}) noexcept
        : stream_(std::move(stream)), executor_(std::move(executor)) {}
    ChunkTask(const ChunkTask&) = delete;
    ChunkTask& operator=(const ChunkTask&) = delete;
    ~ChunkTask() {
        if (wait_ && wait_->abandon()) stream_->cancel();
    }

    /// Goes on where `executor` runs it; see `CallTask::resume_on`.
    ChunkTask resume_on(Executor executor) && { return ChunkTask(std::move(stream_), std::move(executor)); }

    bool await_ready() const { return stream_->has_some(); }

    bool await_suspend(std::coroutine_handle<> coroutine) {
        auto pending = std::make_unique<Pending>(stream_);
        pending->wait = wait_ = std::make_shared<Wait>(coroutine, std::move(executor_));
        // From here on the coroutine may go on, and this object be gone, on another thread.
        const std::shared_ptr<Wait> wait = wait_;
        try {
            detail::read(std::move(pending));
            return true;
        } catch (const Error&) {
            wait->refuse(std::current_exception());
            return false;
        }
    }

    std::optional<Chunk> await_resume() {
        if (wait_) wait_->result();
        return stream_->one();
    }

private:
    using Wait = detail::Wait<std::monostate>;

    struct Pending : detail::PendingRead {
        using detail::PendingRead::PendingRead;
        std::shared_ptr<Wait> wait;

        template <class Arrived>
        void end(Arrived arrived) noexcept {
            wait->settle(arrived);
        }
    };

    detail::SharedStream stream_;
    Executor executor_;
    std::shared_ptr<Wait> wait_;
};

#endif

}  // namespace llmrouter

#endif
