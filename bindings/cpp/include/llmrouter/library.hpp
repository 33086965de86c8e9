/// What concerns the library as a whole: its version, and the log records of the process.
#ifndef LLMROUTER_LIBRARY_HPP
#define LLMROUTER_LIBRARY_HPP

#include <llmrouter.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"

namespace llmrouter {

/// The version of the library that was loaded, such as "0.1.0".
inline std::string_view version() noexcept { return router_version(); }

/// Whether a program compiled for one ABI version runs on a library of another.
constexpr bool abi_fits(std::uint32_t compiled, std::uint32_t loaded) noexcept {
    return loaded >> 16 == compiled >> 16 && (loaded & 0xFFFF) >= (compiled & 0xFFFF);
}

namespace detail {

inline void check_abi() {
    const std::uint32_t loaded = router_abi_version();
    if (abi_fits(ROUTER_ABI_VERSION, loaded)) return;
    const auto text = [](std::uint32_t abi) { return std::to_string(abi >> 16) + "." + std::to_string(abi & 0xFFFF); };
    Error(ROUTER_ERROR_INTERNAL, "compiled for llmrouter's ABI " + text(ROUTER_ABI_VERSION) + ", but libllmrouter " +
                                     router_version() + " has " + text(loaded))
        .raise();
}

}  // namespace detail

/// How much is logged.
enum class LogLevel : std::int32_t {
    off = ROUTER_LOG_OFF,
    error = ROUTER_LOG_ERROR,
    warn = ROUTER_LOG_WARN,
    info = ROUTER_LOG_INFO,
    debug = ROUTER_LOG_DEBUG,
    trace = ROUTER_LOG_TRACE,
};

/// Hears log records: JSON text, lent until it returns. Runs on any library thread, on several at once; must not
/// block.
using LogListener = std::function<void(LogLevel, std::string_view json)>;

namespace detail {

struct Listening {
    LogListener listener;
    std::mutex mutex;
    std::exception_ptr thrown;
    /// The library hands this to its threads and back; race detectors don't see how, so it is said once more.
    std::atomic<unsigned> handed_over{0};

    static bool& on_this_thread() noexcept {
        thread_local bool inside = false;
        return inside;
    }

    static void hear(void* user_data, std::int32_t level, const char* json, std::size_t length) noexcept {
        auto* self = static_cast<Listening*>(user_data);
        static_cast<void>(self->handed_over.load(std::memory_order_acquire));
        const bool outer = std::exchange(on_this_thread(), true);
        try {
            self->listener(static_cast<LogLevel>(level), std::string_view(json, length));
        } catch (...) {
            const std::lock_guard<std::mutex> lock(self->mutex);
            if (!self->thrown) self->thrown = std::current_exception();
        }
        on_this_thread() = outer;
        self->handed_over.fetch_add(1, std::memory_order_acq_rel);
    }

    /// Puts `next` (or nothing) in the place of the listener before, and says what that one threw.
    static std::exception_ptr replace(std::unique_ptr<Listening> next, LogLevel level) {
        // The lock below is held while the library waits for a running listener: one that came here would wait for
        // itself.
        if (on_this_thread()) {
            Error(ROUTER_ERROR_IN_CALLBACK, "the log listener can't be changed inside a log listener").raise();
        }
        static std::mutex changing;
        static Listening* current = nullptr;  // outlives static destructors: library threads may still log
        const std::lock_guard<std::mutex> lock(changing);
        if (next) next->handed_over.fetch_add(1, std::memory_order_acq_rel);
        if (!router_set_log_listener(next ? &hear : nullptr, next.get(), static_cast<std::int32_t>(level))) {
            Error(ROUTER_ERROR_IN_CALLBACK, "the log listener can't be changed inside a callback").raise();
        }
        const std::unique_ptr<Listening> before(std::exchange(current, next.release()));
        if (!before) return nullptr;
        static_cast<void>(before->handed_over.load(std::memory_order_acquire));
        return before->thrown;
    }
};

}  // namespace detail

/// Sends the log records of the whole process, up to `level`, to `listener`, instead of the one before, which is not
/// running any more when this returns. Returns the first exception that the one before let out, if any. Throws
/// `InCallbackError` inside a callback.
inline std::exception_ptr set_log_listener(LogLevel level, LogListener listener) {
    auto next = std::make_unique<detail::Listening>();
    next->listener = std::move(listener);
    return detail::Listening::replace(std::move(next), level);
}

/// Ends logging; otherwise like `set_log_listener`.
inline std::exception_ptr clear_log_listener() { return detail::Listening::replace(nullptr, LogLevel::off); }

}  // namespace llmrouter

#endif
