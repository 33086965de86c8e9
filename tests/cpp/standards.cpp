// One program of two units, compiled by different standards: the headers must not make it two libraries.

#include <cstdio>
#include <llmrouter.hpp>

#include "provider.hpp"

llmrouter::Call<llmrouter::Response> start(const llmrouter::Router& router);
llmrouter::Call<llmrouter::AsyncStream> open(const llmrouter::Router& router);
void finish(llmrouter::Call<llmrouter::Response> call);

#if defined(UNIT_OTHER)

llmrouter::Call<llmrouter::Response> start(const llmrouter::Router& router) {
    static_cast<void>(router.completion_async(hi, [](const llmrouter::Outcome&) {}));
    static_cast<void>(router.request_async("/chat/completions", hi, std::stop_token()));
    return router.completion_async(hi);
}

llmrouter::Call<llmrouter::AsyncStream> open(const llmrouter::Router& router) {
    static_cast<void>(router.stream_async(hi, [](const llmrouter::StreamOutcome&) {}));
    return router.stream_async(hi, std::stop_token());
}

void finish(llmrouter::Call<llmrouter::Response> call) {
    call.cancel();
    std::printf("%s\n", call.get().metadata().deployment.c_str());
}

#else

int main() {
    const auto router = llmrouter::Router::from_yaml(mock_config(0));
    auto call = start(router);
    call.wait();
    if (router.request_async("/chat/completions", hi).get().text() != "mocked") return 1;
    finish(std::move(call));
    llmrouter::AsyncStream stream = open(router).get();
    while (!stream.read_async().get().empty()) {}
    if (stream.text() != "mocked") return 1;
    try {
        router.completion("{");
    } catch (const llmrouter::InvalidArgumentError&) {
        return 0;
    }
    return 1;
}

#endif
