// What would happen to a request, without sending it: who would be asked, in which order, and who would not and why.
//
//   c++ -std=c++17 explain.cpp $(pkg-config --cflags --libs llmrouter) -o explain && ./explain ../config/explain.yaml

#include <cstdio>
#include <llmrouter.hpp>
#include <optional>
#include <string>

/// A reason behind a separator, if there is one.
static std::string because(const char* separator, const std::optional<std::string>& reason) {
    return reason ? separator + *reason : std::string();
}

/// A line for each group, in the order in which they would be visited, and for each of its deployments.
static void show(const char* title, const llmrouter::Plan& plan) {
    std::printf("%s best is %s, by its %s\n", title, plan.group.value_or("nobody").c_str(),
                plan.how.value_or("name").c_str());
    for (const auto& group : plan.groups) {
        std::printf("    %s%s\n", group.name.c_str(), because(": ", group.skipped).c_str());
        for (const auto& deployment : group.deployments) {
            std::printf("        %-8s %3.0f %%%s\n", deployment.id.c_str(), 100 * deployment.share,
                        because("  ", deployment.skipped).c_str());
        }
    }
}

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/explain.yaml");
    const auto request = llmrouter::ChatRequest().model("best").user("Hi");
    show("before the first call:", router.plan(request));
    // It asks the old key, is refused, and goes on.
    router.completion(request);
    show("after it:", router.plan(request));
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
