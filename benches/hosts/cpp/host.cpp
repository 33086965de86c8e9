// The router from C++, in the callback form: each callback starts the next call, as in the row of the C ABI.
// Speaks the runner's protocol: the task in BENCH_... variables, the outcome as one JSON line.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <llmrouter.hpp>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

static std::string variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: the runner starts this");
    return value;
}

static std::size_t number(const char* name) { return std::stoul(variable(name)); }

static std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + " can't be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Processor time of this process so far, all threads.
static double cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
    return micros(usage.ru_utime) + micros(usage.ru_stime);
}

/// Takes what a call ended with, reading the answer as a program would; empty if all is well.
static std::string fault(llmrouter::Outcome outcome) {
    if (!outcome) return outcome.error().what();
    return outcome.value().body().empty() ? "an answer without a body" : "";
}

/// A number of calls, so many of them in flight at once.
class Window {
public:
    Window(const llmrouter::Router& router, const std::string& request, std::size_t calls)
        : latencies(calls), router_(router), request_(request) {}

    void drive(std::size_t in_flight) {
        open_ = in_flight;
        for (std::size_t i = 0; i < in_flight; ++i) next();
        std::unique_lock<std::mutex> lock(mutex_);
        all_ended_.wait(lock, [this] { return open_ == 0; });
    }

    /// In microseconds. One element for each call, so that no measured call pays for growth.
    std::vector<double> latencies;
    std::size_t failed = 0;
    std::string error;

private:
    void next() {
        const std::size_t ticket = given_.fetch_add(1, std::memory_order_relaxed);
        if (ticket >= latencies.size()) {
            // Told under the lock: once it is free, this object may be gone.
            const std::lock_guard<std::mutex> lock(mutex_);
            if (--open_ == 0) all_ended_.notify_one();
            return;
        }
        const Clock::time_point start = Clock::now();
        try {
            router_.completion_async(request_, [this, ticket, start](llmrouter::Outcome outcome) {
                const std::string why = fault(std::move(outcome));
                latencies[ticket] = Micros(Clock::now() - start).count();
                if (!why.empty()) note(why);
                next();
            });
        } catch (const llmrouter::Error& refused) {
            // Thrown on in a callback it would be lost, and the window never end.
            std::fprintf(stderr, "host.cpp: a call was refused: %s\n", refused.what());
            std::_Exit(1);
        }
    }

    void note(const std::string& why) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (failed++ == 0) error = why;
    }

    const llmrouter::Router& router_;
    const std::string& request_;
    std::atomic<std::size_t> given_{0};
    std::mutex mutex_;
    std::condition_variable all_ended_;
    std::size_t open_ = 0;
};

static double percentile(const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share + 0.5)];
}

/// Without what JSON text would have to escape.
static std::string plain(std::string text) {
    const auto special = [](unsigned char c) { return c < ' ' || c == '"' || c == '\\'; };
    std::replace_if(text.begin(), text.end(), special, ' ');
    return text;
}

static void run() {
    const auto router = llmrouter::Router::from_file(variable("BENCH_CONFIG"));
    const std::string request = read_file(variable("BENCH_REQUEST"));
    const std::size_t in_flight = number("BENCH_IN_FLIGHT");

    Window(router, request, number("BENCH_WARMUP")).drive(in_flight);
    Window window(router, request, number("BENCH_CALLS"));
    if (window.latencies.empty()) throw std::runtime_error("nothing to do");
    const double before = cpu_us();
    const Clock::time_point start = Clock::now();
    window.drive(in_flight);
    const double wall = Micros(Clock::now() - start).count();
    const double cpu = cpu_us() - before;

    // What idling costs is taken off, as in every other row.
    constexpr std::chrono::milliseconds idle{200};
    const double idle_before = cpu_us();
    std::this_thread::sleep_for(idle);
    const double idling = (cpu_us() - idle_before) * wall / Micros(idle).count();

    std::vector<double>& sorted = window.latencies;
    std::sort(sorted.begin(), sorted.end());
    std::printf(R"({"calls":%zu,"failed":%zu,"wall_us":%.1f,"cpu_us":%.1f,"p50_us":%.2f,"p99_us":%.2f)", sorted.size(),
                window.failed, wall, std::max(cpu - idling, 0.0), percentile(sorted, 0.50), percentile(sorted, 0.99));
    if (window.failed > 0) std::printf(R"(,"error":"%s")", plain(window.error).c_str());
    std::puts("}");
}

int main() try {
    run();
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "host.cpp: %s\n", error.what());
    return 1;
}
