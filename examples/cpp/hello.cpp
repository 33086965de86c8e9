// One question, one answer, and who gave it. No key and no network: the deployment is a mock.
//
//   c++ -std=c++17 hello.cpp $(pkg-config --cflags --libs llmrouter) -o hello && ./hello

#include <iostream>
#include <llmrouter.hpp>

int main() try {
    auto router = llmrouter::Router::from_yaml(R"(
        model_list:
          - model_name: gpt-4
            litellm_params: {model: openai/gpt-4, mock_response: Hello from a deployment!}
            model_info: {id: my-first-deployment})");
    auto answer = router.completion(llmrouter::ChatRequest().model("gpt-4").user("Hi"));
    std::cout << answer.text() << '\n' << answer.metadata_json() << '\n';
} catch (const llmrouter::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
