/// Asynchronous calls: the handle of a call that runs, and how the C callback finds its way home.
#ifndef LLMROUTER_CALL_HPP
#define LLMROUTER_CALL_HPP

#include <llmrouter.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "error.hpp"
#include "response.hpp"

#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_jthread)
#include <optional>
#include <stop_token>
#endif

namespace llmrouter {

namespace detail {

/// Cancels one call, from any thread and at any time, even when the router is gone: `router_free` waits for the
/// callbacks it owes, so as long as the callback has not gone through `ended`, the router is there.
class Canceller {
public:
    explicit Canceller(const router_t* router) noexcept : router_(router) {}

    void started(std::uint64_t number) {
        const std::lock_guard<std::mutex> lock(mutex_);
        number_ = number;
        if (asked_ && !ended_) router_cancel(router_, number_);
    }
    void ended() {
        const std::lock_guard<std::mutex> lock(mutex_);
        ended_ = true;
    }
    void cancel() {
        const std::lock_guard<std::mutex> lock(mutex_);
        asked_ = true;
        if (number_ != 0 && !ended_) router_cancel(router_, number_);
    }

private:
    std::mutex mutex_;
    const router_t* router_;
    std::uint64_t number_ = 0;
    bool asked_ = false;
    bool ended_ = false;
};

using SharedCanceller = std::shared_ptr<Canceller>;

/// The verb, by its path, and its request; both are lent.
struct Question {
    std::string_view path;
    std::string_view request;
};

/// A kind of call, whatever the verb: what starts it, and what it ends in.
struct Answering {
    using Raw = router_response_t;
    using Result = Response;
    static constexpr auto begin = &router_request_async;
#if defined(__cpp_lib_jthread)
    /// What a stop request has to do with the result: nothing is left to stop.
    static void stop_with(const std::stop_token&, Response&) noexcept {}
#endif
};

/// What the C ABI hands back when a call ends.
template <class Kind>
OutcomeOf<typename Kind::Result> outcome(typename Kind::Raw* answer, router_error_t* error) {
    using Result = typename Kind::Result;
    return answer != nullptr ? OutcomeOf<Result>(Result(answer)) : OutcomeOf<Result>(Error(ErrorHandle(error)));
}

inline Error closed() { return Error(ROUTER_ERROR_SHUT_DOWN, "the router is closed"); }

/// What waits for the end of a call. Each form adds `end(answer, error)`, which lets nothing escape.
template <class K>
struct Pending {
    using Kind = K;
    using Raw = typename Kind::Raw;
    using Result = typename Kind::Result;

    explicit Pending(const router_t* router) : canceller(std::make_shared<Canceller>(router)) {}

    SharedCanceller canceller;
    /// The library hands this over to its thread; race detectors don't see how, so it is said once more.
    std::atomic<bool> handed_over{false};
};

/// The C callback of every form.
template <class Form>
void on_end(void* user_data, typename Form::Raw* answer, router_error_t* error) noexcept {
    const std::unique_ptr<Form> pending(static_cast<Form*>(user_data));
    static_cast<void>(pending->handed_over.load(std::memory_order_acquire));
    pending->canceller->ended();
    pending->end(answer, error);
}

/// Starts a call that ends in `pending`. Throws if it is not accepted; then `pending` is not told.
template <class Form>
void start(const router_t* router, Question question, std::unique_ptr<Form> pending) {
    if (router == nullptr) closed().raise();
    const auto [path, request] = question;
    // Kept apart: the callback may run, and free `pending`, before the C function returns.
    const SharedCanceller canceller = pending->canceller;
    std::uint64_t number = 0;
    router_error_t* error = nullptr;
    pending->handed_over.store(true, std::memory_order_release);
    if (!Form::Kind::begin(router, path.data(), path.size(), request.data(), request.size(), &on_end<Form>,
                           pending.get(), &number, &error)) {
        Error(ErrorHandle(error)).raise();
    }
    static_cast<void>(pending.release());
    canceller->started(number);
}

/// Ends in a future.
template <class Kind>
struct PendingFuture : Pending<Kind> {
    using Pending<Kind>::Pending;
    std::promise<typename Kind::Result> promise;

    void end(typename Kind::Raw* answer, router_error_t* error) noexcept {
        try {
            promise.set_value(outcome<Kind>(answer, error).value());
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    }
};

/// Ends in a function of the program's, and in a future of what that function throws.
template <class Kind, class Function>
struct PendingFunction : Pending<Kind> {
    template <class F>
    PendingFunction(const router_t* router, F&& f) : Pending<Kind>(router), function(std::forward<F>(f)) {}

    Function function;
    std::promise<void> promise;

    void end(typename Kind::Raw* answer, router_error_t* error) noexcept {
        try {
            function(outcome<Kind>(answer, error));
            promise.set_value();
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    }
};

#if defined(__cpp_lib_jthread)

/// Turns a stop request into a cancel.
struct CancelOnStop {
    SharedCanceller canceller;
    void operator()() const { canceller->cancel(); }
};

using StopLink = std::optional<std::stop_callback<CancelOnStop>>;

inline Error stopped_before_start() {
    return Error(ROUTER_ERROR_CANCELLED, "the call was cancelled before it started");
}

/// `PendingFuture` for a call with a stop token. A type of its own: the other one is the same in every standard.
template <class Kind>
struct PendingStoppable : PendingFuture<Kind> {
    using PendingFuture<Kind>::PendingFuture;
    std::stop_token stop;
    StopLink link;

    void listen(std::stop_token token) {
        stop = std::move(token);
        link.emplace(stop, CancelOnStop{this->canceller});
    }
    void end(typename Kind::Raw* answer, router_error_t* error) noexcept {
        try {
            auto result = outcome<Kind>(answer, error).value();
            Kind::stop_with(stop, result);
            this->promise.set_value(std::move(result));
        } catch (...) {
            this->promise.set_exception(std::current_exception());
        }
    }
};

#endif

}  // namespace detail

/// An asynchronous call: of `T = Response`, the answer; of `T = AsyncStream`, the opening; of `T = void`, the end of its
/// callback. Move-only. It may outlive the router. To let it go does not cancel it.
template <class T>
class Call {
public:
    Call(detail::SharedCanceller canceller, std::future<T> future) noexcept
        : canceller_(std::move(canceller)), future_(std::move(future)) {}
    Call(Call&&) noexcept = default;
    Call& operator=(Call&&) noexcept = default;

    /// Waits for the end. Returns the result, or throws the call's error; of a call with a callback, throws what the
    /// callback threw. Once only. Not inside a callback: it would wait for itself.
    T get() { return future_.get(); }
    /// Waits for the end.
    void wait() const { future_.wait(); }
    /// Waits at most so long. Whether the call has ended.
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> limit) const {
        return future_.wait_for(limit) == std::future_status::ready;
    }
    /// Whether the call has ended.
    bool ready() const { return wait_for(std::chrono::seconds(0)); }

    /// Asks for an early end, from any thread: the call ends with `CancelledError`, or with what won the race.
    void cancel() const {
        if (canceller_) canceller_->cancel();
    }

    /// The future, for code that wants one; it may be moved away, `cancel` still works.
    std::future<T>& future() noexcept { return future_; }

private:
    detail::SharedCanceller canceller_;
    std::future<T> future_;
};

}  // namespace llmrouter

#endif
