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

/// A call to be awaited, once.
///
/// The coroutine goes on **on a thread of the library**, which must not block: until it suspends again or ends, that
/// thread serves no other call, and blocking functions of the library throw `InCallbackError`. To go on elsewhere:
///
///     auto answer = co_await router.completion_task(request).resume_on(
///         [&pool](std::coroutine_handle<> rest) { pool.post(rest); });
///
/// A coroutine that is destroyed while it waits here cancels its call. That is for calls which can't be about to end,
/// since the library may be resuming the coroutine at the same moment; a stop token is safe at any time.
class [[nodiscard]] CompletionTask {
public:
    // A constructor, and no copies: gcc 12 destroys awaiters that are aggregates twice.
    CompletionTask(const std::atomic<router_t*>* router, std::string path, std::string request, Executor executor = {})
        : router_(router), path_(std::move(path)), request_(std::move(request)), executor_(std::move(executor)) {}
    CompletionTask(const CompletionTask&) = delete;
    CompletionTask& operator=(const CompletionTask&) = delete;
    ~CompletionTask() {
        if (wait_) wait_->abandon();
    }

    /// Goes on where `executor` runs it. If that throws, the coroutine goes on at once, on the library's thread, with
    /// what was thrown.
    CompletionTask resume_on(Executor executor) && {
        // By value: gcc 12 copies awaiters that a co_await is given by reference.
#if defined(__cpp_lib_jthread)
        return CompletionTask(router_, std::move(path_), std::move(request_), std::move(stop_), std::move(executor));
#else
        return CompletionTask(router_, std::move(path_), std::move(request_), std::move(executor));
#endif
    }

#if defined(__cpp_lib_jthread)
    CompletionTask(const std::atomic<router_t*>* router, std::string path, std::string request, std::stop_token stop,
                   Executor executor = {})
        : router_(router), path_(std::move(path)), request_(std::move(request)), executor_(std::move(executor)),
          stop_(std::move(stop)) {}
#endif

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> coroutine) {
        const router_t* router = *router_;
        auto pending = std::make_unique<Pending>(router);
        pending->wait = wait_ = std::make_shared<Wait>(pending->canceller, coroutine, std::move(executor_));
#if defined(__cpp_lib_jthread)
        if (stop_.stop_requested()) {
            wait_->refuse(detail::stopped_before_start().as_exception());
            return false;
        }
        pending->link.emplace(std::move(stop_), detail::CancelOnStop{pending->canceller});
#endif
        // From here on the coroutine may go on, and this object be gone, on another thread.
        const std::shared_ptr<Wait> wait = wait_;
        const std::string path = std::move(path_);
        const std::string request = std::move(request_);
        try {
            detail::start(router, {path, request}, std::move(pending));
            return true;
        } catch (const Error&) {
            wait->refuse(std::current_exception());
            return false;
        }
    }

    Response await_resume() {
        if (wait_->thrown) std::rethrow_exception(wait_->thrown);
        return std::move(*wait_->outcome).value();
    }

private:
    /// Shared by the coroutine and the callback: either may be first to let go.
    struct Wait {
        Wait(detail::SharedCanceller shared, std::coroutine_handle<> handle, Executor runner)
            : canceller(std::move(shared)), coroutine(handle), executor(std::move(runner)) {}

        void refuse(std::exception_ptr error) {
            thrown = std::move(error);
            settled = true;
        }
        void abandon() noexcept {
            if (!settled.exchange(true)) canceller->cancel();
        }

        detail::SharedCanceller canceller;
        std::coroutine_handle<> coroutine;
        Executor executor;
        std::optional<Outcome> outcome;
        std::exception_ptr thrown;
        /// Set by whoever comes first: the end of the call, or the end of the coroutine.
        std::atomic<bool> settled{false};
    };

    struct Pending : detail::Pending {
        using detail::Pending::Pending;
        std::shared_ptr<Wait> wait;
#if defined(__cpp_lib_jthread)
        detail::StopLink link;
#endif

        void end(router_response_t* response, router_error_t* error) noexcept {
            std::optional<Outcome> outcome;
            std::exception_ptr thrown;
            try {
                outcome.emplace(detail::outcome(response, error));
            } catch (...) {
                thrown = std::current_exception();
            }
            // An abandoned coroutine's frame is gone, and nobody looks at its wait any more.
            if (wait->settled.exchange(true)) return;
            wait->outcome = std::move(outcome);
            wait->thrown = std::move(thrown);
            resume(*wait);
        }

        static void resume(Wait& wait) noexcept {
            const std::coroutine_handle<> coroutine = wait.coroutine;
            if (wait.executor) {
                try {
                    const Executor executor = std::move(wait.executor);
                    executor(coroutine);
                    return;
                } catch (...) {
                    wait.thrown = std::current_exception();
                }
            }
            try {
                coroutine.resume();
            } catch (...) {
                // Only a promise whose unhandled_exception() throws comes here: it has chosen to lose it.
            }
        }
    };

    const std::atomic<router_t*>* router_;
    std::string path_;
    std::string request_;
    Executor executor_;
#if defined(__cpp_lib_jthread)
    std::stop_token stop_;
#endif
    std::shared_ptr<Wait> wait_;
};

}  // namespace llmrouter

#endif
#endif
