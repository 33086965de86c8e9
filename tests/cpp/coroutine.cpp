// C++20: where coroutines go on, what cancels them, and what they throw. No network.

#include <dlfcn.h>

#include <llmrouter.hpp>
#include <memory>
#include <stop_token>
#include <thread>

#include "awaiting.hpp"
#include "check.hpp"
#include "forms.hpp"
#include "provider.hpp"

using llmrouter::CompletionTask;
using llmrouter::Outcome;
using llmrouter::Router;

static_assert(!std::is_aggregate_v<CompletionTask> && !std::is_copy_constructible_v<CompletionTask>);

/// Stands before the library's own: what happens between the start of a call and its number being known.
static std::function<void()> just_started;
extern "C" bool router_request_async(const router_t* router, const char* path, std::size_t path_length,
                                     const char* request, std::size_t length, router_completion_fn done,
                                     void* user_data, std::uint64_t* call, router_error_t** error) {
    using Function = decltype(&router_request_async);
    static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "router_request_async"));
    const bool accepted = real(router, path, path_length, request, length, done, user_data, call, error);
    if (just_started) just_started();
    return accepted;
}

static Waited ask(const Router& router, std::string& text, std::thread::id& thread) {
    const llmrouter::Response response = co_await router.completion_task(hi);
    text = response.text();
    thread = std::this_thread::get_id();
}

TEST("goes on on a thread of the library") {
    const Router router = Router::from_yaml(mock_config(5));
    std::string text;
    std::thread::id thread;
    ask(router, text, thread).done.get();
    CHECK_SAME(text, "mocked");
    CHECK(thread != std::this_thread::get_id());
}

TEST("goes on where it is told") {
    const Router router = Router::from_yaml(mock_config(1));
    Loop loop;
    std::thread::id thread;
    const auto work = [](const Router& r, Loop& l, std::thread::id& where) -> Waited {
        for (int i = 0; i < 10; ++i) {
            const auto response = co_await r.completion_task(llmrouter::ChatRequest().model("g").user("hi"))
                                      .resume_on([&l](std::coroutine_handle<> rest) { l.post(rest); });
            CHECK_SAME(response.text(), "mocked");
            CHECK_SAME(r.completion(hi).text(), "mocked");  // it may block here
            where = std::this_thread::get_id();
        }
    };
    work(router, loop, thread).done.get();
    CHECK(thread == loop.id());
}

TEST("an executor that throws") {
    const Router router = Router::from_yaml(mock_config(1));
    const auto work = [](const Router& r) -> Waited {
        co_await r.completion_task(hi).resume_on([](std::coroutine_handle<>) { throw std::out_of_range("full"); });
    };
    CHECK_THROWS(std::out_of_range, work(router).done.get());
}

TEST("errors are thrown where the answer is awaited") {
    const auto work = [](const Router& r, std::string request) -> Waited {
        co_await r.completion_task(std::move(request));
    };
    Router router = Router::from_yaml(mock_config(1));
    CHECK_THROWS(llmrouter::InvalidArgumentError, work(router, "{").done.get());
    CHECK_THROWS(llmrouter::BadRequestError, work(router, R"({"model": "x", "messages": []})").done.get());
    router.close();
    CHECK_THROWS(llmrouter::ShutDownError, work(router, hi).done.get());
}

TEST("kept and awaited later") {
    const Router router = Router::from_yaml(mock_config(1));
    const auto work = [](const Router& r) -> Waited {
        auto task = r.completion_task(std::string(hi));
        CHECK_SAME((co_await task).text(), "mocked");
    };
    work(router).done.get();
    CompletionTask never_awaited = router.completion_task(hi);
}

TEST("a thousand at once, one after the other in each") {
    const Router router = Router::from_yaml(mock_config(1));
    std::atomic<int> good{0};
    const auto work = [](const Router& r, std::atomic<int>& count) -> Waited {
        for (int i = 0; i < 3; ++i) {
            if ((co_await r.completion_task(hi)).text() == "mocked") ++count;
        }
    };
    std::vector<Waited> all;
    for (int i = 0; i < 1000; ++i) all.push_back(work(router, good));
    for (Waited& one : all) one.done.get();
    CHECK_SAME(good.load(), 3000);
}

static Waited ask_until(const Router& router, std::stop_token stop) {
    co_await router.completion_task(hi, std::move(stop));
}

TEST("a stop request cancels: before, meanwhile, by any thread") {
    const Router slow = Router::from_yaml(mock_config(20000));
    std::stop_source before;
    before.request_stop();
    CHECK_THROWS(llmrouter::CancelledError, ask_until(slow, before.get_token()).done.get());
    CHECK_THROWS(llmrouter::CancelledError, slow.completion_async(hi, before.get_token()).get());
    CHECK(slow.snapshot().find("\"in_flight\":0") != std::string::npos);

    const auto start = check::Clock::now();
    std::stop_source meanwhile;
    Waited waited = ask_until(slow, meanwhile.get_token());
    auto call = slow.completion_async(hi, meanwhile.get_token());
    std::jthread([&] { meanwhile.request_stop(); }).join();
    CHECK_THROWS(llmrouter::CancelledError, waited.done.get());
    CHECK_THROWS(llmrouter::CancelledError, call.get());
    CHECK(check::Clock::now() - start < std::chrono::seconds(2));

    const Router quick = Router::from_yaml(mock_config(1));
    for (int i = 0; i < 200; ++i) {
        std::stop_source racing;
        Waited one = ask_until(quick, racing.get_token());
        std::this_thread::sleep_for(std::chrono::microseconds(i * 10));
        racing.request_stop();
        try {
            one.done.get();
        } catch (const llmrouter::CancelledError&) {
        }
    }
    std::stop_source after;
    auto ended = quick.completion_async(hi, after.get_token());
    ended.wait();
    after.request_stop();
    CHECK_SAME(ended.get().text(), "mocked");
}

TEST("a stop request while the call is being started") {
    const Router slow = Router::from_yaml(mock_config(20000));
    std::stop_source stop;
    just_started = [&stop] { stop.request_stop(); };
    Waited waited = ask_until(slow, stop.get_token());
    stop = std::stop_source();
    auto call = slow.completion_async(hi, stop.get_token());
    just_started = nullptr;
    CHECK(waited.done.wait_for(std::chrono::seconds(5)) == std::future_status::ready);
    CHECK_THROWS(llmrouter::CancelledError, waited.done.get());
    CHECK(call.wait_for(std::chrono::seconds(5)));
    CHECK_THROWS(llmrouter::CancelledError, call.get());
}

TEST("destroyed while it waits") {
    Router router = Router::from_yaml(mock_config(20000));
    auto held = std::make_shared<int>(1);
    const auto work = [](const Router& r, std::shared_ptr<int> hold) -> Waited {
        co_await r.completion_task(hi);
        ++*hold;
    };
    work(router, held).handle.destroy();
    CHECK_SAME(held.use_count(), 1);
    CHECK(check::eventually([&] { return router.snapshot().find("\"in_flight\":0") != std::string::npos; }));
    CHECK_SAME(*held, 1);
}

#if defined(__cpp_lib_expected)
TEST("errors as values") {
    const Router router = Router::from_yaml(mock_config(0));
    const std::expected<llmrouter::Response, llmrouter::Error> good = router.try_completion(hi);
    CHECK_SAME(good.value().text(), "mocked");
    const auto bad = router.try_completion(R"({"model": "nobody", "messages": []})");
    CHECK(!bad && bad.error().error_class() == llmrouter::ErrorClass::bad_request);
    CHECK_SAME(bad.error().param().value(), "model");
}
#endif

int main() { return check::run(); }
