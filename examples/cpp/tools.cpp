// A model calls a function: asked with tools, it answers with a call; the program makes the call and sends what came of
// it; another model puts that into words. The call is streamed, and put together from its pieces. Needs nlohmann/json, to
// read what the model wrote as arguments.
//
//   c++ -std=c++17 tools.cpp $(pkg-config --cflags --libs llmrouter) -o tools && ./tools ../config/tools.yaml

#include <iostream>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <string>

/// The tool: a real one would ask a weather service.
static std::string get_weather(const std::string& arguments) try {
    return "7 °C and rain in " + nlohmann::json::parse(arguments).at("city").get<std::string>();
} catch (const nlohmann::json::exception& error) {
    // What a model writes may be no JSON, or another one than it was asked for.
    return error.what();
}

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/tools.yaml");
    const nlohmann::json parameters = {{"type", "object"},
                                       {"properties", {{"city", {{"type", "string"}}}}},
                                       {"required", {"city"}}};
    auto request = llmrouter::ChatRequest()
                       .model("planner")
                       .tool("get_weather", "The weather in a city, now", parameters)
                       .user("What should I wear in Zürich today?");

    const llmrouter::Accumulator calls(router.stream(request));
    // The model's message goes back as it came, and behind it what came of each call.
    request.model("writer").raw_message(calls.message());
    for (const auto& [id, name, arguments] : calls.tool_calls()) {
        std::cout << "planner calls " << name << ' ' << arguments << '\n';
        const auto result = name == "get_weather" ? get_weather(arguments) : "there is no such tool";
        std::cout << name << " finds " << result << '\n';
        request.tool_result(id, result);
    }

    std::cout << "writer says " << router.completion(request).text() << '\n';
} catch (const llmrouter::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
