// What happens when deployments fail: who was tried, why it failed, who answered.
//
//   c++ -std=c++17 failover.cpp $(pkg-config --cflags --libs llmrouter) -o failover && ./failover ../config/failover.yaml

#include <cstdio>
#include <llmrouter.hpp>

static int ask(const llmrouter::Router& router, const char* title, const char* model) {
    std::printf("%s\n", title);
    try {
        const auto metadata = router.completion(llmrouter::ChatRequest().model(model).user("Hi")).metadata();
        for (const auto& attempt : metadata.attempts) {
            std::printf("    %-12s of %-12s %s\n", attempt.deployment.value_or("?").c_str(),
                        attempt.model_group.c_str(), attempt.error.value_or("answered").c_str());
        }
        std::printf("    router's own time: %.3f ms\n", metadata.overhead_ms);
        return 0;
    } catch (const llmrouter::Error& error) {
        std::printf("    failed: %s: %s\n", error.name().c_str(), error.what());
        return 1;
    }
}

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/failover.yaml");
    int failures = 0;
    failures += ask(router, "gpt-4, whose first deployment is dead: retried on the next one", "gpt-4");
    failures += ask(router, "gpt-4-turbo, whose only deployment is overloaded: falls back to gpt-4", "gpt-4-turbo");
    return failures;
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
