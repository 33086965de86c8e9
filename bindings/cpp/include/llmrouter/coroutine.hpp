/// C++20: a call to `co_await`.
#ifndef LLMROUTER_COROUTINE_HPP
#define LLMROUTER_COROUTINE_HPP

#include "call.hpp"

#if defined(__cpp_impl_coroutine)

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace llmrouter {

/// Runs a coroutine somewhere else: a function that takes the handle, which is called like a `void()`.
/// It may throw only if it did not take the handle.
using Executor = std::function<void(std::coroutine_handle<>)>;

namespace detail {

/// A `Question` that is kept until it is put.
struct OwnQuestion {
    explicit OwnQuestion(Question lent) : path(lent.path), request(lent.request) {}
    Question lent() const noexcept { return {path, request}; }

    std::string path;
    std::string request;
};

/// A coroutine that waits for a result. Shared by it and the callback: either may be first to let go.
template <class Result>
class Wait {
public:
    Wait(std::coroutine_handle<> coroutine, Executor executor)
        : coroutine_(coroutine), executor_(std::move(executor)) {}

    /// Nothing was started: the coroutine goes on at once.
    void refuse(std::exception_ptr error) {
        thrown_ = std::move(error);
        settled_ = true;
    }

    /// The coroutine is gone. Whether it was before the end, which then finds nobody.
    bool abandon() noexcept { return !settled_.exchange(true); }

    /// The end: what `outcome` makes is the result, and the coroutine goes on.
    template <class Make>
    void settle(Make outcome) noexcept {
        std::optional<OutcomeOf<Result>> made;
        std::exception_ptr thrown;
        try {
            made.emplace(outcome());
        } catch (...) {
            thrown = std::current_exception();
        }
        // An abandoned coroutine's frame is gone, and nobody looks at this any more.
        if (settled_.exchange(true)) return;
        outcome_ = std::move(made);
        thrown_ = std::move(thrown);
        resume();
    }

    Result result() {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(*outcome_).value();
    }

private:
    void resume() noexcept {
        const std::coroutine_handle<> coroutine = coroutine_;
        if (executor_) {
            try {
                const Executor executor = std::move(executor_);
                executor(coroutine);
                return;
            } catch (...) {
                thrown_ = std::current_exception();
            }
        }
        try {
            coroutine.resume();
        } catch (...) {
            // Only a promise whose unhandled_exception() throws comes here: it has chosen to lose it.
        }
    }

    std::coroutine_handle<> coroutine_;
    Executor executor_;
    std::optional<OutcomeOf<Result>> outcome_;
    std::exception_ptr thrown_;
    /// Set by whoever comes first: the end of the call, or the end of the coroutine.
    std::atomic<bool> settled_{false};
};

}  // namespace detail

/// A call to be awaited, once: `CompletionTask` gives the answer, `StreamTask` the opened stream.
///
/// The coroutine goes on **on a thread of the library**, which must not block: until it suspends again or ends, that
/// thread serves no other call, and blocking functions of the library throw `InCallbackError`. To go on elsewhere:
///
///     auto answer = co_await router.completion_task(request).resume_on(
///         [&pool](std::coroutine_handle<> rest) { pool.post(rest); });
///
/// A coroutine that is destroyed while it waits here cancels its call. That is for calls which can't be about to end,
/// since the library may be resuming the coroutine at the same moment; a stop token is safe at any time.
template <class Kind>
class [[nodiscard]] CallTask {
public:
    using Result = typename Kind::Result;

    // A constructor, and no copies: gcc 12 destroys awaiters that are aggregates twice.
    CallTask(const std::atomic<router_t*>* router, detail::OwnQuestion question, Executor executor = {})
        : router_(router), question_(std::move(question)), executor_(std::move(executor)) {}
    CallTask(const CallTask&) = delete;
    CallTask& operator=(const CallTask&) = delete;
    ~CallTask() {
        if (wait_ && wait_->abandon()) canceller_->cancel();
    }

    /// Goes on where `executor` runs it. If that throws, the coroutine goes on at once, on the library's thread, with
    /// what was thrown.
    CallTask resume_on(Executor executor) && {
        // By value: gcc 12 copies awaiters that a co_await is given by reference.
#if defined(__cpp_lib_jthread)
        return CallTask(router_, std::move(question_), std::move(stop_), std::move(executor));
#else
        return CallTask(router_, std::move(question_), std::move(executor));
#endif
    }

#if defined(__cpp_lib_jthread)
    CallTask(const std::atomic<router_t*>* router, detail::OwnQuestion question, std::stop_token stop,
             Executor executor = {})
        : router_(router), question_(std::move(question)), executor_(std::move(executor)), stop_(std::move(stop)) {}
#endif

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> coroutine) {
        const router_t* router = *router_;
        auto pending = std::make_unique<Pending>(router);
        canceller_ = pending->canceller;
        pending->wait = wait_ = std::make_shared<Wait>(coroutine, std::move(executor_));
#if defined(__cpp_lib_jthread)
        if (stop_.stop_requested()) {
            wait_->refuse(detail::stopped_before_start().as_exception());
            return false;
        }
        pending->link.emplace(stop_, detail::CancelOnStop{canceller_});
#endif
        // From here on the coroutine may go on, and this object be gone, on another thread.
        const std::shared_ptr<Wait> wait = wait_;
        const detail::OwnQuestion question = std::move(question_);
        try {
            detail::start(router, question.lent(), std::move(pending));
            return true;
        } catch (const Error&) {
            wait->refuse(std::current_exception());
            return false;
        }
    }

    Result await_resume() {
        Result result = wait_->result();
#if defined(__cpp_lib_jthread)
        Kind::stop_with(stop_, result);
#endif
        return result;
    }

private:
    using Wait = detail::Wait<Result>;

    struct Pending : detail::Pending<Kind> {
        using detail::Pending<Kind>::Pending;
        std::shared_ptr<Wait> wait;
#if defined(__cpp_lib_jthread)
        detail::StopLink link;
#endif

        void end(typename Kind::Raw* answer, router_error_t* error) noexcept {
            wait->settle([&] { return detail::outcome<Kind>(answer, error); });
        }
    };

    const std::atomic<router_t*>* router_;
    detail::OwnQuestion question_;
    Executor executor_;
#if defined(__cpp_lib_jthread)
    std::stop_token stop_;
#endif
    detail::SharedCanceller canceller_;
    std::shared_ptr<Wait> wait_;
};

/// An answer to be awaited, of any verb (`Router::completion_task`, `embedding_task`, `request_task`).
using CompletionTask = CallTask<detail::Answering>;

}  // namespace llmrouter

#endif
#endif
