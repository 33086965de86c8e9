// What tests of coroutines have in common: a place to go on, and a coroutine that can be waited for.
#ifndef AWAITING_HPP
#define AWAITING_HPP

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

/// A thread that runs what is posted to it.
class Loop {
public:
    void post(std::function<void()> work) {
        const std::lock_guard lock(mutex_);
        work_.push_back(std::move(work));
        changed_.notify_one();
    }
    std::thread::id id() const { return thread_.get_id(); }

private:
    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (changed_.wait(lock, stop, [this] { return !work_.empty(); })) {
            const auto work = std::move(work_.front());
            work_.pop_front();
            lock.unlock();
            work();
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> work_;
    std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

/// A coroutine whose end can be waited for, and that can be destroyed while it waits.
struct Waited {
    struct promise_type {
        std::promise<void> done;
        Waited get_return_object() {
            return Waited{std::coroutine_handle<promise_type>::from_promise(*this), done.get_future()};
        }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() { done.set_value(); }
        void unhandled_exception() { done.set_exception(std::current_exception()); }
    };
    std::coroutine_handle<promise_type> handle;
    std::future<void> done;
};

#endif
