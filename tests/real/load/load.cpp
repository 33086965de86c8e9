// Eight threads call for three seconds; after one, a server is killed. No call may fail.

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <llmrouter.hpp>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
    using clock = std::chrono::steady_clock;
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "tests/real/mixed.yaml");
    const auto request = llmrouter::ChatRequest().model("tiny").user("Hi").json();
    std::atomic<int> by_a{0}, by_b{0}, failed{0};
    const auto call = [&] {
        try {
            const auto deployment = router.completion(request).metadata().deployment;
            ++(deployment == "A" ? by_a : by_b);
        } catch (const llmrouter::Error& error) {
            std::fprintf(stderr, "%s\n", error.what());
            ++failed;
        }
    };
    // A server's first answer takes its time, so the clock starts when both have given one.
    for (int i = 0; i < 100 && (by_a == 0 || by_b == 0); ++i) call();
    const auto end = clock::now() + std::chrono::seconds(3);

    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            while (clock::now() < end) call();
        });
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    kill(std::atoi(std::getenv("PID_A")), SIGKILL);
    for (auto& thread : threads) thread.join();

    std::printf("C++: A (openai) %d, B (anthropic) %d, failed %d\n", by_a.load(), by_b.load(), failed.load());
    return by_a > 0 && by_b > 0 && failed == 0 ? 0 : 1;
}
