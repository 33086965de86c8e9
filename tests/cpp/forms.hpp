// All forms of one call, made alike: start it, maybe cancel it, wait for its outcome.
#ifndef FORMS_HPP
#define FORMS_HPP

#include <functional>
#include <future>
#include <llmrouter.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// A request, and the path of its verb; a chat completion's is empty.
struct Question {
    Question(std::string json, std::string verb = {})  // NOLINT: a text is a chat's
        : request(std::move(json)), path(std::move(verb)) {}
    bool is_chat() const { return path.empty(); }
    bool is_embedding() const { return path == "/embeddings"; }

    std::string request;
    std::string path;
};

// Each question is put by the function that is meant for it.

inline llmrouter::Response ask(const llmrouter::Router& router, const Question& asked) {
    if (asked.is_chat()) return router.completion(asked.request);
    return asked.is_embedding() ? router.embedding(asked.request) : router.request(asked.path, asked.request);
}

template <class... How>
auto ask_async(const llmrouter::Router& router, const Question& asked, How... how) {
    if (asked.is_chat()) return router.completion_async(asked.request, std::move(how)...);
    return asked.is_embedding() ? router.embedding_async(asked.request, std::move(how)...)
                                : router.request_async(asked.path, asked.request, std::move(how)...);
}

struct Running {
    std::function<llmrouter::Outcome()> wait;
    std::function<void()> cancel;  // empty if this form has none (`Form::can_cancel`)
};

struct Form {
    const char* name;
    bool can_cancel;
    std::function<Running(const llmrouter::Router&, const Question&)> start;
    /// The same call, cancelled before it starts; empty where the language has no way to say that.
    std::function<Running(const llmrouter::Router&, const Question&)> start_cancelled;
};

template <class Get>
llmrouter::Outcome outcome_of(Get get) {
    try {
        return llmrouter::Outcome(get());
    } catch (const llmrouter::Error& error) {
        return llmrouter::Outcome(error);
    }
}

inline Running by_thread(std::function<llmrouter::Outcome()> work) {
    auto future = std::make_shared<std::future<llmrouter::Outcome>>(std::async(std::launch::async, std::move(work)));
    return {[future] { return future->get(); }, nullptr};
}

inline Running by_blocking(const llmrouter::Router& router, const Question& asked) {
    return by_thread([&router, asked] { return outcome_of([&] { return ask(router, asked); }); });
}

inline Running by_call(llmrouter::Call<llmrouter::Response> started) {
    auto call = std::make_shared<llmrouter::Call<llmrouter::Response>>(std::move(started));
    return {[call] { return outcome_of([&] { return call->get(); }); }, [call] { call->cancel(); }};
}

inline Running by_callback(const llmrouter::Router& router, const Question& asked) {
    auto promise = std::make_shared<std::promise<llmrouter::Outcome>>();
    auto future = std::make_shared<std::future<llmrouter::Outcome>>(promise->get_future());
    try {
        auto call = std::make_shared<llmrouter::Call<void>>(ask_async(
            router, asked, [promise](llmrouter::Outcome outcome) { promise->set_value(std::move(outcome)); }));
        return {[future] { return future->get(); }, [call] { call->cancel(); }};
    } catch (const llmrouter::Error& error) {
        return {[error] { return llmrouter::Outcome(error); }, [] {}};
    }
}

#if defined(__cpp_impl_coroutine)

/// A coroutine that nobody waits for.
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

inline llmrouter::CompletionTask ask_task(const llmrouter::Router& router, const Question& asked, std::stop_token stop) {
    if (asked.is_chat()) return router.completion_task(asked.request, std::move(stop));
    if (asked.is_embedding()) return router.embedding_task(asked.request, std::move(stop));
    return router.request_task(asked.path, asked.request, std::move(stop));
}

inline Detached await_into(const llmrouter::Router& router, Question asked, std::stop_token stop,
                           std::shared_ptr<std::promise<llmrouter::Outcome>> promise) {
    try {
        promise->set_value(llmrouter::Outcome(co_await ask_task(router, asked, std::move(stop))));
    } catch (const llmrouter::Error& error) {
        promise->set_value(llmrouter::Outcome(error));
    }
}

inline Running by_coroutine(const llmrouter::Router& router, const Question& asked, bool cancelled) {
    auto stop = std::make_shared<std::stop_source>();
    if (cancelled) stop->request_stop();
    auto promise = std::make_shared<std::promise<llmrouter::Outcome>>();
    auto future = std::make_shared<std::future<llmrouter::Outcome>>(promise->get_future());
    await_into(router, asked, stop->get_token(), promise);
    return {[future] { return future->get(); }, [stop] { stop->request_stop(); }};
}

inline Running by_stop_token(const llmrouter::Router& router, const Question& asked, bool cancelled) {
    auto stop = std::make_shared<std::stop_source>();
    if (cancelled) stop->request_stop();
    Running running = by_call(ask_async(router, asked, stop->get_token()));
    running.cancel = [stop] { stop->request_stop(); };
    return running;
}

#endif

inline std::vector<Form> forms() {
    std::vector<Form> all{
        {"blocking", false, by_blocking, nullptr},
        {"future", true,
         [](const auto& router, const auto& asked) { return by_call(ask_async(router, asked)); }, nullptr},
        {"callback", true, by_callback, nullptr},
    };
#if defined(__cpp_impl_coroutine)
    all.push_back({"stop token", true,
                   [](const auto& router, const auto& asked) { return by_stop_token(router, asked, false); },
                   [](const auto& router, const auto& asked) { return by_stop_token(router, asked, true); }});
    all.push_back({"coroutine", true,
                   [](const auto& router, const auto& asked) { return by_coroutine(router, asked, false); },
                   [](const auto& router, const auto& asked) { return by_coroutine(router, asked, true); }});
#endif
#if defined(__cpp_lib_expected)
    all.push_back({"expected", false,
                   [](const auto& router, const auto& asked) {
                       return by_thread([&router, asked] {
                           auto answer = asked.is_chat()        ? router.try_completion(asked.request)
                                         : asked.is_embedding() ? router.try_embedding(asked.request)
                                                                : router.try_request(asked.path, asked.request);
                           return answer ? llmrouter::Outcome(std::move(*answer)) : llmrouter::Outcome(answer.error());
                       });
                   },
                   nullptr});
#endif
    return all;
}

#endif
