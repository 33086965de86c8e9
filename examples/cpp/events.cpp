// A custom callback: one line for each attempt and each call, when it has ended.
//
//   c++ -std=c++17 events.cpp $(pkg-config --cflags --libs llmrouter) -o events && ./events ../config/events.yaml

#include <cstdio>
#include <llmrouter.hpp>
#include <string>

// On one thread of the library, one event after the other.
static void show(const llmrouter::RouterEvent& event) {
    const char* level = event.level() == llmrouter::LogLevel::info    ? "INFO"
                        : event.level() == llmrouter::LogLevel::warn ? "WARN"
                                                                     : "ERROR";
    const std::string what = event.is_call() ? "call of " + event.requested_model()
                                             : "attempt " + std::to_string(event.attempt()) + " at " +
                                                   event.deployment().value_or("?") + " of " + event.model_group();
    if (const auto error = event.error()) {
        std::printf("%-5s %s: %s, %.1f ms\n", level, what.c_str(), error->error_class.c_str(), event.took_ms());
    } else {
        std::printf("%-5s %s: answered, %d tokens, $%.4f, %.1f ms\n", level, what.c_str(),
                    static_cast<int>(event.usage().total_tokens), event.cost().value_or(0), event.took_ms());
    }
}

int main(int argc, char** argv) try {
    const auto router = llmrouter::Router::from_file(argc > 1 ? argv[1] : "examples/config/events.yaml");
    router.set_event_listener(show);
    for (const char* model : {"gpt-4", "gpt-4-turbo", "gpt-4o"}) {
        try {
            router.completion(llmrouter::ChatRequest().model(model).user("Hi"));
        } catch (const llmrouter::InternalServerError&) {
            // The listener hears of it, too.
        }
    }
    // The router's end waits until the listener has heard the last event.
    return 0;
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
