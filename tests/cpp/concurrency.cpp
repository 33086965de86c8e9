// Many threads, many calls, random ends. Run under ThreadSanitizer, and under AddressSanitizer for leaks. No network.

#include <atomic>
#include <llmrouter.hpp>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "check.hpp"
#include "forms.hpp"
#include "provider.hpp"

using llmrouter::ErrorClass;
using llmrouter::Outcome;
using llmrouter::Router;

static void in_threads(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
}

TEST("one router, eight threads, every form") {
    const Router router = Router::from_yaml(mock_config(1));
    std::atomic<int> good{0};
    const std::vector<Form> all = forms();
    in_threads(8, [&](int thread) {
        for (std::size_t i = 0; i < 25; ++i) {
            const Form& form = all[(i + static_cast<std::size_t>(thread)) % all.size()];
            Outcome outcome = form.start(router, hi).wait();
            if (outcome && outcome.value().metadata().deployment == "one") ++good;
        }
    });
    CHECK_SAME(good.load(), 200);
}

TEST("5,000 callbacks run once each, whoever cancels them") {
    const Router router = Router::from_yaml(mock_config(3));
    std::vector<std::atomic<int>> runs(5000);
    std::atomic<int> answered{0}, cancelled{0};
    in_threads(4, [&](int thread) {
        std::mt19937 random(static_cast<unsigned>(thread));
        std::vector<llmrouter::Call<void>> calls;
        for (std::size_t i = static_cast<std::size_t>(thread); i < runs.size(); i += 4) {
            calls.push_back(router.completion_async(hi, [&, i](const Outcome& outcome) {
                ++runs[i];
                if (outcome) ++answered;
                if (!outcome && outcome.error().error_class() == ErrorClass::cancelled) ++cancelled;
            }));
            if (random() % 3 == 0) calls[random() % calls.size()].cancel();
        }
        for (auto& call : calls) call.get();
    });
    for (const auto& count : runs) CHECK_SAME(count.load(), 1);
    CHECK_SAME(answered + cancelled, 5000);
    CHECK(answered > 0 && cancelled > 0);
}

TEST("closed by one thread while others wait") {
    for (int round = 0; round < 5; ++round) {
        Router router = Router::from_yaml(mock_config(20000));
        std::vector<Running> running;
        for (int i = 0; i < 8; ++i) running.push_back(by_blocking(router, hi));
        CHECK(check::eventually([&] { return router.snapshot().find("\"in_flight\":8") != std::string::npos; }));
        router.close();
        for (const Running& one : running) CHECK(one.wait().error().error_class() == ErrorClass::shut_down);
    }
}

TEST("routers are freed with calls in flight, at any moment") {
    std::mt19937 random(7);
    for (int round = 0; round < 40; ++round) {
        std::atomic<int> ended{0};
        std::vector<llmrouter::Call<llmrouter::Response>> calls;
        {
            const Router router = Router::from_yaml(mock_config(1));
            for (int i = 0; i < 50; ++i) {
                static_cast<void>(router.completion_async(hi, [&](const Outcome&) { ++ended; }));
                calls.push_back(router.completion_async(hi));
            }
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        }
        CHECK_SAME(ended.load(), 50);
        for (auto& call : calls) {
            const Outcome outcome = outcome_of([&] { return call.get(); });
            CHECK(outcome || outcome.error().error_class() == ErrorClass::shut_down);
        }
    }
}

TEST("one call cancelled by many threads, and after the router") {
    auto router = std::make_unique<Router>(Router::from_yaml(mock_config(2)));
    for (int round = 0; round < 30; ++round) {
        auto call = router->completion_async(hi);
        in_threads(4, [&](int) { call.cancel(); });
        if (round == 29) router.reset();
        call.cancel();
        const Outcome outcome = outcome_of([&] { return call.get(); });
        CHECK(outcome || outcome.error().error_class() == ErrorClass::cancelled);
    }
}

TEST("one error, thrown to many threads") {
    const Router router = Router::from_yaml(mock_config(0));
    const std::shared_future<llmrouter::Response> shared = router.completion_async("{").future().share();
    std::atomic<int> caught{0};
    in_threads(4, [&, shared](int) {
        try {
            shared.get();
        } catch (const llmrouter::Error& error) {
            if (error.name() == "InvalidArgumentError" && !error.provider()) ++caught;
        }
    });
    CHECK_SAME(caught.load(), 4);
}

TEST("log listeners change while calls run") {
    const Router router = Router::from_yaml(failing_config);
    std::atomic<bool> stop{false};
    std::atomic<int> heard{0};
    auto caller = std::async(std::launch::async, [&] {
        while (!stop) outcome_of([&] { return router.completion(hi); });
    });
    in_threads(3, [&](int) {
        for (int i = 0; i < 30; ++i) {
            auto own = std::make_shared<std::atomic<int>>(0);
            llmrouter::set_log_listener(llmrouter::LogLevel::trace, [&heard, own](llmrouter::LogLevel, std::string_view) {
                ++*own;
                ++heard;
            });
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    const bool any = check::eventually([&] { return heard > 0; });
    llmrouter::clear_log_listener();
    stop = true;
    caller.get();
    CHECK(any);
}

int main() { return check::run(); }
