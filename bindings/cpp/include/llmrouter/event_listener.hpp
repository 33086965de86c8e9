/// Who hears the events of a router, and for how long.
#ifndef LLMROUTER_EVENT_LISTENER_HPP
#define LLMROUTER_EVENT_LISTENER_HPP

#include <llmrouter.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "call.hpp"
#include "error.hpp"
#include "event.hpp"
#include "library.hpp"

namespace llmrouter {

/// Hears the events of one router, one after the other, on a thread of the library.
using EventListener = std::function<void(const RouterEvent&)>;

namespace detail {

/// The listener of one router. The library knows its address, until it is replaced or the router is gone.
struct EventListening {
    explicit EventListening(EventListener function) : listener(std::move(function)) {}

    EventListener listener;
    std::mutex mutex;
    std::exception_ptr thrown;
    /// The library hands this to its thread and back; race detectors don't see how, so it is said once more.
    std::atomic<unsigned> handed_over{0};

    static bool& on_this_thread() noexcept {
        thread_local bool inside = false;
        return inside;
    }

    static void hear(void* user_data, std::int32_t level, const char* json, std::size_t length) noexcept {
        auto* self = static_cast<EventListening*>(user_data);
        static_cast<void>(self->handed_over.load(std::memory_order_acquire));
        const bool outer = std::exchange(on_this_thread(), true);
        try {
            self->listener(RouterEvent(static_cast<LogLevel>(level), std::string_view(json, length)));
        } catch (...) {
            const std::lock_guard<std::mutex> lock(self->mutex);
            if (!self->thrown) self->thrown = std::current_exception();
        }
        on_this_thread() = outer;
        self->handed_over.fetch_add(1, std::memory_order_acq_rel);
    }
};

/// The listeners of all routers, by their routers.
class EventListeners {
public:
    /// Puts `next` (or nothing) in the place of the router's listener, and says what that one threw.
    static std::exception_ptr replace(router_t* router, std::unique_ptr<EventListening> next) {
        // The lock below is held while the library waits for a running listener: one that came here would wait for
        // itself.
        if (EventListening::on_this_thread()) refused();
        if (router == nullptr) closed().raise();
        std::unique_ptr<EventListening> before;
        {
            EventListeners& all = instance();
            const std::lock_guard<std::mutex> lock(all.mutex_);
            auto& place = all.of_[router];
            if (next) next->handed_over.fetch_add(1, std::memory_order_acq_rel);
            if (!router_set_event_listener(router, next ? &EventListening::hear : nullptr, next.get())) {
                if (!place) all.of_.erase(router);
                refused();
            }
            before = std::exchange(place, std::move(next));
            if (!place) all.of_.erase(router);
        }
        if (!before) return nullptr;
        static_cast<void>(before->handed_over.load(std::memory_order_acquire));
        return before->thrown;
    }

    /// Frees a router, and its listener when that has heard the last event.
    static void free(router_t* router) noexcept {
        EventListening* const last = router == nullptr ? nullptr : instance().take(router);
        // In a callback the router is freed in the background, and the library does not say when that is done: then it
        // is waited for elsewhere. Setting the same listener once more is refused in a callback, and nothing else.
        if (last == nullptr || router_set_event_listener(router, &EventListening::hear, last)) {
            finish(router, last);
            return;
        }
        try {
            std::thread([router, last] { finish(router, last); }).detach();
        } catch (...) {
            router_free(router);  // without a thread nobody knows when the listener could go: it stays
        }
    }

private:
    static EventListeners& instance() {
        static auto* all = new EventListeners;  // outlives static destructors: routers may be static, too
        return *all;
    }

    static void finish(router_t* router, EventListening* last) noexcept {
        router_free(router);
        if (last == nullptr) return;
        static_cast<void>(last->handed_over.load(std::memory_order_acquire));
        delete last;
    }

    [[noreturn]] static void refused() {
        Error(ROUTER_ERROR_IN_CALLBACK, "the event listener can't be changed inside a callback").raise();
    }

    EventListening* take(router_t* router) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = of_.find(router);
        if (found == of_.end()) return nullptr;
        EventListening* const last = found->second.release();
        of_.erase(found);
        return last;
    }

    std::mutex mutex_;
    std::map<const router_t*, std::unique_ptr<EventListening>> of_;
};

}  // namespace detail
}  // namespace llmrouter

#endif
