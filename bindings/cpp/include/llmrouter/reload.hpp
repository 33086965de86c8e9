/// One configuration in the place of another.
#ifndef LLMROUTER_RELOAD_HPP
#define LLMROUTER_RELOAD_HPP

#include <llmrouter.h>

#include <optional>
#include <string_view>

#include "call.hpp"
#include "error.hpp"
#include "library.hpp"

namespace llmrouter {
namespace detail {

/// Why the configuration was not taken, if it was not.
inline std::optional<Error> reload(const router_t* router, std::string_view yaml) {
    if (router == nullptr) return closed();
    // What a reload warns of is heard while it runs: a listener that reloads would wait for itself.
    if (Listening::on_this_thread()) {
        return Error(ROUTER_ERROR_IN_CALLBACK, "the configuration can't be replaced inside a log listener");
    }
    router_error_t* error = nullptr;
    if (router_reload_from_yaml(router, yaml.data(), yaml.size(), &error)) return std::nullopt;
    return Error(ErrorHandle(error));
}

}  // namespace detail
}  // namespace llmrouter

#endif
