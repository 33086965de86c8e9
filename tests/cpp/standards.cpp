// One program of two units, compiled by different standards: the headers must not make it two libraries.

#include <cstdio>
#include <llmrouter.hpp>

#include "provider.hpp"

llmrouter::Call<llmrouter::Response> start(const llmrouter::Router& router);
void finish(llmrouter::Call<llmrouter::Response> call);

#if defined(UNIT_OTHER)

llmrouter::Call<llmrouter::Response> start(const llmrouter::Router& router) {
    static_cast<void>(router.completion_async(hi, [](const llmrouter::Outcome&) {}));
    return router.completion_async(hi);
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
    finish(std::move(call));
    try {
        router.completion("{");
    } catch (const llmrouter::InvalidArgumentError&) {
        return 0;
    }
    return 1;
}

#endif
