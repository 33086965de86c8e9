// The same question three times: asked, answered from the cache, and asked anew; who answered, and what it cost.
//
//   c++ -std=c++17 caching.cpp $(pkg-config --cflags --libs llmrouter) -o caching && ./caching ../config/caching.yaml

#include <cstdio>
#include <llmrouter.hpp>

static void ask(const llmrouter::Router& router, const char* title, const llmrouter::ChatRequest& request) {
    const auto metadata = router.completion(request).metadata();
    std::printf("%-16s %-10s %s  $%.4f\n", title, metadata.cache_hit ? "kept from" : "asked",
                metadata.deployment.c_str(), metadata.cost.value_or(0));
}

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/caching.yaml");
    auto request = llmrouter::ChatRequest().model("gpt-4").user("Hi");
    ask(router, "the first time", request);
    ask(router, "the same again", request);
    ask(router, "with no-cache", request.set_raw("cache", R"({"no-cache": true})"));

    const auto cache = router.status().cache.value();
    std::printf("%d answer kept, %d hit\n", static_cast<int>(cache.entries), static_cast<int>(cache.hits));
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
