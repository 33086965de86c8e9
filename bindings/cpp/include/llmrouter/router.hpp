/// The router.
#ifndef LLMROUTER_ROUTER_HPP
#define LLMROUTER_ROUTER_HPP

#include <llmrouter.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "async_stream.hpp"
#include "begin.hpp"
#include "call.hpp"
#include "coroutine.hpp"
#include "error.hpp"
#include "event_listener.hpp"
#include "library.hpp"
#include "plan.hpp"
#include "reload.hpp"
#include "request.hpp"
#include "response.hpp"
#include "snapshot.hpp"
#include "stream.hpp"

#if __has_include(<expected>)
#include <expected>
#endif

namespace llmrouter {

/// Configuration, deployments, threads and connections. Move-only. Any number of threads may use one at once.
///
/// To close or destroy it ends the calls in flight, those that other threads wait for included, with `ShutDownError`;
/// as with every object, no other thread may start to use it while it is being moved, closed or destroyed.
/// Make routers after `fork()`, not before.
class Router {
public:
    /// Makes a router from YAML (or JSON) text. Throws `ConfigError`, which names path, line and column.
    static Router from_yaml(std::string_view yaml) { return make<&router_new_from_yaml>(yaml); }
    /// Makes a router from the file at `path`.
    static Router from_file(std::string_view path) { return make<&router_new_from_file>(path); }

    /// Takes over a router of the C ABI.
    explicit Router(router_t* owned) noexcept : handle_(owned) {}
    Router(Router&& other) noexcept : handle_(other.release()) {}
    Router& operator=(Router&& other) noexcept {
        if (this != &other) detail::EventListeners::free(handle_.exchange(other.release()));
        return *this;
    }
    ~Router() { close(); }

    /// Sends a chat completion and waits for the answer.
    Response completion(const RequestText& request) const { return detail::ask(c_api(), chat(request)).value(); }

    /// Starts a chat completion. Whatever goes wrong is thrown by the call's `get()`.
    [[nodiscard]] Call<Response> completion_async(const RequestText& request) const {
        return detail::begin<detail::Answering>(c_api(), chat(request));
    }

    /// Starts a chat completion that ends in `callback(Outcome)`, exactly once, on a library thread, possibly before
    /// this returns. It must not block; it may start, cancel and destroy. What it throws goes to the call's `get()`.
    /// Throws if the call is not accepted; then the callback is not called.
    template <class Callback, class = detail::IfCallback<Callback, detail::Answering>>
    Call<void> completion_async(const RequestText& request, Callback&& callback) const {
        return detail::begin<detail::Answering>(c_api(), chat(request), std::forward<Callback>(callback));
    }

#if defined(__cpp_lib_jthread)
    /// Starts a chat completion that a stop request cancels. With a token that is stopped already nothing is sent.
    [[nodiscard]] Call<Response> completion_async(const RequestText& request, std::stop_token stop) const {
        return detail::begin<detail::Answering>(c_api(), chat(request), std::move(stop));
    }
#endif

#if defined(__cpp_impl_coroutine)
    /// A chat completion to `co_await`: `Response answer = co_await router.completion_task(request);`. It starts when
    /// it is awaited; the router has to live until then. With a `std::stop_token`, a stop request cancels it. See
    /// `CallTask` for where the coroutine goes on.
    template <class... Stop>
    CompletionTask completion_task(const RequestText& request, Stop... stop) const {
        return task<detail::Answering>(chat(request), std::move(stop)...);
    }
#endif

#if defined(__cpp_lib_expected)
    /// Sends a chat completion and waits; an error is a value.
    std::expected<Response, Error> try_completion(const RequestText& request) const {
        return detail::ask(c_api(), chat(request)).expected();
    }
#endif

    /// Starts a chat completion whose answer arrives in chunks, and waits for its first content: what fails before is
    /// tried elsewhere or thrown here, what fails later is thrown by the stream. `"stream": true` is set by itself.
    [[nodiscard]] Stream stream(const RequestText& request) const {
        return detail::open(c_api(), chat(request)).value();
    }
#if defined(__cpp_lib_expected)
    /// The same; an error is a value.
    std::expected<Stream, Error> try_stream(const RequestText& request) const {
        return detail::open(c_api(), chat(request)).expected();
    }
#endif

    /// Opens a stream without holding a thread, and reads it so, too. Whatever goes wrong is thrown by the call's
    /// `get()`; its `cancel()` ends the opening, the stream has its own.
    [[nodiscard]] Call<AsyncStream> stream_async(const RequestText& request) const {
        return detail::begin<detail::Opening>(c_api(), chat(request));
    }

    /// The same, which ends in `callback(StreamOutcome)`, under the rules of `completion_async`.
    template <class Callback, class = detail::IfCallback<Callback, detail::Opening>>
    Call<void> stream_async(const RequestText& request, Callback&& callback) const {
        return detail::begin<detail::Opening>(c_api(), chat(request), std::forward<Callback>(callback));
    }

#if defined(__cpp_lib_jthread)
    /// The same, cancelled by a stop request: while it opens and as long as it is read.
    [[nodiscard]] Call<AsyncStream> stream_async(const RequestText& request, std::stop_token stop) const {
        return detail::begin<detail::Opening>(c_api(), chat(request), std::move(stop));
    }
#endif

#if defined(__cpp_impl_coroutine)
    /// A stream to `co_await`: `AsyncStream stream = co_await router.stream_task(request);`, under the rules of
    /// `completion_task`. A stop request ends it while it opens and as long as it is read.
    template <class... Stop>
    StreamTask stream_task(const RequestText& request, Stop... stop) const {
        return task<detail::Opening>(chat(request), std::move(stop)...);
    }
#endif

    /// Asks for embeddings: `Response::vectors` has them.
    Response embedding(const RequestText& request) const {
        return detail::ask(c_api(), embeddings(request)).value();
    }
    /// The same in every form of `completion_async`: alone, with a callback, with a stop token.
    template <class... How>
    auto embedding_async(const RequestText& request, How&&... how) const {
        return detail::begin<detail::Answering>(c_api(), embeddings(request), std::forward<How>(how)...);
    }

    /// Sends a request of any verb and waits for the answer. `path` is OpenAI's, such as "/responses",
    /// "/images/generations" or "/audio/speech"; one that is not known is an `InvalidArgumentError`.
    Response request(std::string_view path, const RequestText& request) const {
        return detail::ask(c_api(), {path, request.text()}).value();
    }
    /// The same in every form of `completion_async`.
    template <class... How>
    auto request_async(std::string_view path, const RequestText& request, How&&... how) const {
        return detail::begin<detail::Answering>(c_api(), {path, request.text()}, std::forward<How>(how)...);
    }

    /// The same as a stream, under the rules of `stream`. "/responses" and "/completions" have one; for another verb it
    /// is a `BadRequestError`.
    [[nodiscard]] Stream request_stream(std::string_view path, const RequestText& request) const {
        return detail::open(c_api(), {path, request.text()}).value();
    }
    /// The same in every form of `stream_async`.
    template <class... How>
    auto request_stream_async(std::string_view path, const RequestText& request, How&&... how) const {
        return detail::begin<detail::Opening>(c_api(), {path, request.text()}, std::forward<How>(how)...);
    }

#if defined(__cpp_impl_coroutine)
    /// To `co_await`, as `completion_task` and `stream_task`, with a stop token or without.
    template <class... Stop>
    CompletionTask embedding_task(const RequestText& request, Stop... stop) const {
        return task<detail::Answering>(embeddings(request), std::move(stop)...);
    }
    template <class... Stop>
    CompletionTask request_task(std::string_view path, const RequestText& request, Stop... stop) const {
        return task<detail::Answering>({path, request.text()}, std::move(stop)...);
    }
    template <class... Stop>
    StreamTask request_stream_task(std::string_view path, const RequestText& request, Stop... stop) const {
        return task<detail::Opening>({path, request.text()}, std::move(stop)...);
    }
#endif

#if defined(__cpp_lib_expected)
    /// They wait; an error is a value.
    std::expected<Response, Error> try_embedding(const RequestText& request) const {
        return detail::ask(c_api(), embeddings(request)).expected();
    }
    std::expected<Response, Error> try_request(std::string_view path, const RequestText& request) const {
        return detail::ask(c_api(), {path, request.text()}).expected();
    }
    std::expected<Stream, Error> try_request_stream(std::string_view path, const RequestText& request) const {
        return detail::open(c_api(), {path, request.text()}).expected();
    }
#endif

    /// What would happen to a request, as JSON, without sending anything: names resolved, the groups in the order in
    /// which they would be visited, and of each the deployments with their chance to be asked first or why they would
    /// not be. Throws what the call would throw before it sends. Does not wait: it may be called inside a callback.
    std::string explain(const RequestText& request) const {
        std::size_t length = 0;
        router_error_t* error = nullptr;
        const router_t* router = c_api();
        if (router == nullptr) detail::closed().raise();
        const std::unique_ptr<char, detail::Deleter<&router_string_free>> text(
            router_explain(router, request.text().data(), request.text().size(), &length, &error));
        if (!text) Error(detail::ErrorHandle(error)).raise();
        return std::string(text.get(), length);
    }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J explain(const RequestText& request) const {
        return J::parse(explain(request));
    }
    /// The same, read.
    Plan plan(const RequestText& request) const { return detail::plan(detail::Json(explain(request))); }

    /// The state of deployments, of the cache and of what is shared, and the warnings of the configuration, as JSON.
    std::string snapshot() const {
        std::size_t length = 0;
        const router_t* router = c_api();
        if (router == nullptr) detail::closed().raise();
        const std::unique_ptr<char, detail::Deleter<&router_string_free>> text(router_snapshot(router, &length));
        return text ? std::string(text.get(), length) : std::string();
    }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J snapshot() const {
        return J::parse(snapshot());
    }
    /// The same, read.
    Snapshot status() const { return detail::snapshot(snapshot()); }

    /// All metrics in Prometheus' text format 0.0.4, for a program that serves them itself. Waits up to 100 ms until what
    /// has happened is counted. Where the configuration asks for no metrics, events are counted from the first call on.
    std::string metrics() const {
        std::size_t length = 0;
        const router_t* router = c_api();
        if (router == nullptr) detail::closed().raise();
        const std::unique_ptr<char, detail::Deleter<&router_string_free>> text(router_metrics(router, &length));
        return text ? std::string(text.get(), length) : std::string();
    }

    /// Puts another configuration in the place of this one, for calls not yet started; those in flight keep theirs. What
    /// was learnt of a deployment whose id stays is kept. Throws `ConfigError`, and then nothing has changed. Does not
    /// wait: it may be called inside a callback, but in a log listener it is an `InCallbackError`.
    void reload(std::string_view yaml) const {
        if (const std::optional<Error> error = detail::reload(c_api(), yaml)) error->raise();
    }
#if defined(__cpp_lib_expected)
    /// The same; an error is a value.
    std::expected<void, Error> try_reload(std::string_view yaml) const {
        if (std::optional<Error> error = detail::reload(c_api(), yaml)) return std::unexpected(*std::move(error));
        return {};
    }
#endif

    /// Has `listener` hear each attempt and each call that ends from now on, once, in the place of the one before, which
    /// is not running any more when this returns. It runs on one thread, which no call waits for: if it is slow, the
    /// oldest events are lost. What it throws costs nothing else; returns the first exception that the one before let
    /// out, if any. To close the router lets it hear what has ended, for about a second. Throws `InCallbackError` inside
    /// a callback.
    std::exception_ptr set_event_listener(EventListener listener) const {
        return detail::EventListeners::replace(c_api(), std::make_unique<detail::EventListening>(std::move(listener)));
    }
    /// Nobody hears the events any more; otherwise like `set_event_listener`.
    std::exception_ptr clear_event_listener() const { return detail::EventListeners::replace(c_api(), nullptr); }

    /// Refuses new calls and waits for those in flight, at most so long. Whether all ended; what is left keeps
    /// running. False at once inside a callback.
    bool shutdown(std::chrono::milliseconds drain) const {
        constexpr std::chrono::milliseconds::rep most = UINT32_MAX;
        const auto wait = std::clamp<std::chrono::milliseconds::rep>(drain.count(), 0, most);
        const router_t* router = c_api();
        return router == nullptr || router_shutdown(router, static_cast<std::uint32_t>(wait));
    }

    /// Does now what the destructor does. Calls that come later throw `ShutDownError`. A second time does nothing.
    void close() noexcept { detail::EventListeners::free(handle_.exchange(nullptr)); }

    /// The handle, still owned by this object; NULL once it is closed or moved from.
    router_t* c_api() const noexcept { return handle_; }
    /// Gives the handle away: free it with `router_free`, or let another `Router` have it. Its event listener stays on.
    [[nodiscard]] router_t* release() noexcept { return handle_.exchange(nullptr); }

private:
    template <auto New>
    static Router make(std::string_view text) {
        detail::check_abi();
        router_error_t* error = nullptr;
        router_t* router = New(text.data(), text.size(), &error);
        if (router == nullptr) Error(detail::ErrorHandle(error)).raise();
        return Router(router);
    }

    static detail::Question chat(const RequestText& request) { return {detail::chat_path, request.text()}; }
    static detail::Question embeddings(const RequestText& request) { return {detail::embedding_path, request.text()}; }

#if defined(__cpp_impl_coroutine)
    template <class Kind>
    CallTask<Kind> task(detail::Question question) const {
        return CallTask<Kind>(&handle_, detail::OwnQuestion(question));
    }
#if defined(__cpp_lib_jthread)
    template <class Kind>
    CallTask<Kind> task(detail::Question question, std::stop_token stop) const {
        return CallTask<Kind>(&handle_, detail::OwnQuestion(question), std::move(stop));
    }
#endif
#endif

    /// Atomic, so that a thread may close the router while others wait for their answers.
    std::atomic<router_t*> handle_;
};

static_assert(sizeof(Router) == sizeof(router_t*), "a router is one pointer");

}  // namespace llmrouter

#endif
