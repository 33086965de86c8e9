// An answer that is printed as it comes, and then what it used.
//
//   c++ -std=c++17 stream.cpp $(pkg-config --cflags --libs llmrouter) -o stream && ./stream ../config/stream.yaml

#include <iostream>
#include <llmrouter.hpp>

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/stream.yaml");

    // Waits for the first content: whatever fails before that is tried again elsewhere.
    auto stream = router.stream(llmrouter::ChatRequest().model("gpt-4").user("Tell me"));
    int chunks = 0;
    for (const auto& chunk : stream) {
        std::cout << chunk.text() << std::flush;
        ++chunks;
    }

    const auto usage = stream.metadata().usage.value_or(llmrouter::Usage{});
    std::cout << '\n'
              << chunks << " chunks; " << usage.prompt_tokens << " prompt tokens, " << usage.completion_tokens
              << " completion tokens\n";
    return 0;
} catch (const llmrouter::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
