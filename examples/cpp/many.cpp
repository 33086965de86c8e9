// A thousand calls at once from one thread: how they spread over weighted deployments, and what it took.
//
//   c++ -std=c++17 many.cpp $(pkg-config --cflags --libs llmrouter) -pthread -o many && ./many ../config/many.yaml

#include <chrono>
#include <cstdio>
#include <fstream>
#include <llmrouter.hpp>
#include <map>
#include <string>
#include <vector>

/// All threads of this process, where the system tells.
static int threads() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        int count = 0;
        if (word == "Threads:" && status >> count) return count;
    }
    return 0;
}

int main(int argc, char** argv) try {
    constexpr int calls = 1000;
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/many.yaml");
    const auto request = llmrouter::ChatRequest().model("gpt-4").user("Hi").json();

    const auto start = std::chrono::steady_clock::now();
    std::vector<llmrouter::Call<llmrouter::Response>> running;
    for (int i = 0; i < calls; ++i) running.push_back(router.completion_async(request));
    const int most_threads = threads();
    for (const auto& call : running) call.wait();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;

    std::map<std::string, int> answers;
    double overhead_ms = 0;
    int failed = 0;
    for (auto& call : running) {
        try {
            const auto answer = call.get();
            ++answers[std::string(answer.text())];
            overhead_ms += answer.metadata().overhead_ms;
        } catch (const llmrouter::Error&) {
            ++failed;
        }
    }

    std::printf("%d calls at once, each of which takes the deployment 20 ms\n", calls);
    for (const char* name : {"east", "west", "spare"}) {
        const int count = answers[name];
        std::printf("    %-6s %4d  %s\n", name, count, std::string(static_cast<std::size_t>(count) / 16, '#').c_str());
    }
    std::printf("    %d failed; all ended within %.0f ms, on %d threads\n", failed, took.count(), most_threads);
    std::printf("    router's own time: %.3f ms a call\n", overhead_ms / calls);
    return failed > 0;
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
