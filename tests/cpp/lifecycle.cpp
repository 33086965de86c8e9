// Life and death of routers, responses, calls and listeners; callbacks that throw. No network.

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <llmrouter.hpp>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "check.hpp"
#include "forms.hpp"
#include "provider.hpp"

using namespace std::chrono_literals;
using llmrouter::Call;
using llmrouter::Outcome;
using llmrouter::Response;
using llmrouter::Router;

/// Stands before the library's own, to see who cancels what: a cancel after the end may hit a router that is gone.
static std::atomic<int> cancels{0};
extern "C" void router_cancel(const router_t* router, std::uint64_t call) {
    static const auto real = reinterpret_cast<decltype(&router_cancel)>(dlsym(RTLD_NEXT, "router_cancel"));
    ++cancels;
    real(router, call);
}

template <class T>
constexpr bool move_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                           !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(move_only<Router> && move_only<Response> && move_only<Call<Response>> && move_only<Call<void>>);
static_assert(sizeof(Router) == sizeof(void*) && sizeof(Response) == sizeof(void*));
static_assert(!std::is_convertible_v<router_t*, Router> && !std::is_convertible_v<router_response_t*, Response>);
static_assert(std::is_same_v<decltype(std::declval<Response&>().text()), std::string_view>);
static_assert(std::is_same_v<decltype(std::declval<Response>().text()), std::string>, "a temporary lends nothing");
static_assert(std::is_base_of_v<std::runtime_error, llmrouter::Error>);

TEST("versions") {
    static_assert(llmrouter::abi_fits(0x10000, 0x10000) && llmrouter::abi_fits(0x10000, 0x10005));
    static_assert(!llmrouter::abi_fits(0x10001, 0x10000) && !llmrouter::abi_fits(0x10000, 0x20000));
    CHECK_SAME(llmrouter::version(), std::string(router_version()));
}

TEST("from a file") {
    const auto path = std::filesystem::temp_directory_path() / ("llmrouter-cpp-" + std::to_string(getpid()) + ".yaml");
    std::ofstream(path) << mock_config(0);
    CHECK_SAME(Router::from_file(path.string()).completion(hi).text(), "mocked");
    std::filesystem::remove(path);
    CHECK_THROWS(llmrouter::ConfigError, Router::from_file(path.string()));
}

TEST("routers move") {
    Router first = Router::from_yaml(mock_config(0, "first"));
    Router second = std::move(first);
    CHECK(first.c_api() == nullptr);
    CHECK_THROWS(llmrouter::ShutDownError, first.completion(hi));
    CHECK_THROWS(llmrouter::ShutDownError, first.snapshot());
    CHECK_THROWS(llmrouter::ShutDownError, first.metrics());
    CHECK_THROWS(llmrouter::ShutDownError, first.explain(hi));
    CHECK_THROWS(llmrouter::ShutDownError, first.plan(hi));
    CHECK(first.shutdown(0ms));
    CHECK_SAME(second.completion(hi).text(), "first");
    first = Router::from_yaml(mock_config(0, "third"));
    CHECK_SAME(first.completion(hi).text(), "third");
    second = std::move(first);
    CHECK_SAME(second.completion(hi).text(), "third");
    Router& itself = second;
    second = std::move(itself);
    CHECK_SAME(second.completion(hi).text(), "third");
    std::vector<Router> several;
    for (int i = 0; i < 3; ++i) several.push_back(Router::from_yaml(mock_config(0)));
    CHECK_SAME(several.back().completion(hi).text(), "mocked");
}

TEST("responses and errors outlive the router") {
    auto router = std::make_unique<Router>(Router::from_yaml(mock_config(0)));
    Response response = router->completion(hi);
    llmrouter::Error error = outcome_of([&] { return router->completion("{"); }).error();
    router.reset();
    const Response moved = std::move(response);
    CHECK_SAME(moved.text(), "mocked");
    CHECK(response.c_api() == nullptr && response.text().empty() && response.body().empty() && !response.has_text());
    const llmrouter::Error copy = error;
    error = llmrouter::Error(ROUTER_ERROR_INTERNAL, "other");
    CHECK_SAME(copy.name(), "InvalidArgumentError");
}

TEST("handles go in and out") {
    Router router(Router::from_yaml(mock_config(0)).release());
    Response response(router.completion(hi).release());
    CHECK_SAME(std::string(router_response_text(response.c_api(), nullptr)), "mocked");
    router_t* raw = router.release();
    CHECK(router.c_api() == nullptr);
    router_free(raw);
}

TEST("closing ends what runs and refuses what comes, in every form") {
    for (const Form& form : forms()) {
        Router router = Router::from_yaml(mock_config(20000));
        std::vector<Running> running;
        for (int i = 0; i < 20; ++i) running.push_back(form.start(router, hi));
        CHECK(check::eventually([&] { return router.snapshot().find("\"in_flight\":20") != std::string::npos; }));
        router.close();
        router.close();
        for (const Running& one : running) CHECK(one.wait().error().error_class() == llmrouter::ErrorClass::shut_down);
        CHECK(form.start(router, hi).wait().error().error_class() == llmrouter::ErrorClass::shut_down);
    }
}

TEST("destroying a router inside its own callback") {
    std::promise<bool> ended;
    auto router = std::make_shared<Router>(Router::from_yaml(mock_config(5)));
    const Router* plain = router.get();
    static_cast<void>(plain->completion_async(hi, [router, &ended](Outcome outcome) mutable {
        router.reset();
        ended.set_value(static_cast<bool>(outcome));
    }));
    router.reset();
    CHECK(ended.get_future().get());
}

TEST("shutdown drains") {
    const Router router = Router::from_yaml(mock_config(50));
    auto call = router.completion_async(hi);
    CHECK(router.shutdown(5s));
    CHECK(call.ready());
    CHECK_SAME(call.get().text(), "mocked");
    CHECK_THROWS(llmrouter::ShutDownError, router.completion(hi));

    const Router slow = Router::from_yaml(mock_config(20000));
    auto long_call = slow.completion_async(hi);
    CHECK(!slow.shutdown(20ms));
    CHECK(!slow.shutdown(-1ms));
    CHECK(!long_call.wait_for(1ms));
}

TEST("calls outlive the router, and cancelling them then does nothing") {
    auto router = std::make_unique<Router>(Router::from_yaml(mock_config(20000)));
    auto call = router->completion_async(hi);
    auto dropped = std::make_unique<Call<Response>>(router->completion_async(hi));
    dropped.reset();
    router.reset();
    cancels = 0;
    call.cancel();
    CHECK_THROWS(llmrouter::ShutDownError, call.get());
    call.cancel();
    CHECK_SAME(cancels.load(), 0);
}

TEST("a future can be taken, and the call still be cancelled") {
    const Router router = Router::from_yaml(mock_config(20000));
    auto call = router.completion_async(hi);
    std::future<Response> future = std::move(call.future());
    cancels = 0;
    call.cancel();
    CHECK_SAME(cancels.load(), 1);
    CHECK_THROWS(llmrouter::CancelledError, future.get());
}

TEST("callbacks: moved-only, once, on another thread, never for a refused call") {
    const Router router = Router::from_yaml(mock_config(0));
    std::thread::id thread;
    int runs = 0;
    auto moved_only = std::make_unique<int>(7);
    auto call = router.completion_async(hi, [&, moved_only = std::move(moved_only)](Outcome outcome) {
        thread = std::this_thread::get_id();
        runs += *moved_only;
        CHECK_SAME(std::move(outcome).value().text(), "mocked");
    });
    call.get();
    CHECK_SAME(runs, 7);
    CHECK(thread != std::this_thread::get_id());
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.completion_async("{", [&](const Outcome&) { ++runs; }));
    CHECK_SAME(runs, 7);
}

TEST("what a callback throws is kept, and the router goes on") {
    const Router router = Router::from_yaml(mock_config(0));
    auto call = router.completion_async(hi, [](const Outcome&) { throw std::out_of_range("mine"); });
    CHECK_THROWS(std::out_of_range, call.get());
    auto odd = router.completion_async(hi, [](const Outcome&) { throw 42; });
    CHECK_THROWS(int, odd.get());
    static_cast<void>(router.completion_async(hi, [](const Outcome&) { throw std::runtime_error("dropped"); }));
    auto unexpected = router.completion_async(R"({"model": "nobody", "messages": []})",
                                              [](Outcome outcome) { static_cast<void>(outcome.value()); });
    CHECK_THROWS(llmrouter::BadRequestError, unexpected.get());
    CHECK_SAME(router.completion(hi).text(), "mocked");
}

TEST("inside a callback: start and cancel, but do not wait") {
    const Router router = Router::from_yaml(mock_config(0));
    std::promise<Call<Response>> inner;
    router.completion_async(hi, [&](const Outcome&) {
        CHECK_THROWS(llmrouter::InCallbackError, router.completion(hi));
        CHECK_THROWS(llmrouter::InCallbackError, llmrouter::clear_log_listener());
        CHECK(!router.shutdown(1s));
        CHECK_SAME(router.plan(hi).order.at(0), "g");
        inner.set_value(router.completion_async(hi));
    }).get();
    CHECK_SAME(inner.get_future().get().get().text(), "mocked");
}

TEST("log listeners: heard, replaced, thrown, cleared") {
    std::atomic<int> heard{0};
    std::atomic<bool> refused{false};
    const Router router = Router::from_yaml(failing_config);
    CHECK(!llmrouter::set_log_listener(llmrouter::LogLevel::trace, [&](llmrouter::LogLevel level, std::string_view json) {
        if (level >= llmrouter::LogLevel::error && json.front() == '{') ++heard;
        try {
            llmrouter::clear_log_listener();
        } catch (const llmrouter::InCallbackError&) {
            refused = true;
        }
        throw std::out_of_range("mine");
    }));
    CHECK(!outcome_of([&] { return router.completion(hi); }));
    CHECK(check::eventually([&] { return heard > 0; }));
    CHECK(refused);
    const std::exception_ptr thrown = llmrouter::set_log_listener(llmrouter::LogLevel::trace, [](auto&&...) {});
    const int until_then = heard;
    CHECK(thrown != nullptr);
    CHECK_THROWS(std::out_of_range, (std::rethrow_exception(thrown), 0));
    CHECK(!outcome_of([&] { return router.completion(hi); }));
    CHECK(!llmrouter::clear_log_listener());
    CHECK(!llmrouter::clear_log_listener());
    CHECK_SAME(heard.load(), until_then);
}

TEST("in a forked child every call fails and nothing hangs") {
    const Router router = Router::from_yaml(mock_config(0));
    router.completion(hi);
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        int code = 1;
        try {
            router.completion(hi);
        } catch (const llmrouter::ForkedError&) {
            code = 2;
        }
        try {
            router.explain(hi);
        } catch (const llmrouter::ForkedError&) {
            code -= 2;
        }
        _exit(code);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_SAME(status, 0);
}

int main() { return check::run(); }
