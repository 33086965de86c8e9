/// How calls begin, of whatever verb: one function for each form.
#ifndef LLMROUTER_BEGIN_HPP
#define LLMROUTER_BEGIN_HPP

#include <llmrouter.h>

#include <exception>
#include <future>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "async_stream.hpp"
#include "call.hpp"
#include "error.hpp"
#include "outcome.hpp"
#include "response.hpp"
#include "stream.hpp"

namespace llmrouter {
namespace detail {

inline constexpr std::string_view chat_path = "/chat/completions";
inline constexpr std::string_view embedding_path = "/embeddings";

// All of them take the handle, not the router: that may be destroyed while they wait.

/// Asks and waits for the answer.
inline Outcome ask(const router_t* router, Question question) {
    if (router == nullptr) return Outcome(closed());
    const auto [path, request] = question;
    router_error_t* error = nullptr;
    router_response_t* answer =
        router_request(router, path.data(), path.size(), request.data(), request.size(), &error);
    return outcome<Answering>(answer, error);
}

/// Opens a stream and waits for its first content.
inline OutcomeOf<Stream> open(const router_t* router, Question question) {
    if (router == nullptr) return OutcomeOf<Stream>(closed());
    const auto [path, request] = question;
    router_error_t* error = nullptr;
    router_stream_t* opened =
        router_request_stream(router, path.data(), path.size(), request.data(), request.size(), &error);
    if (opened == nullptr) return OutcomeOf<Stream>(Error(ErrorHandle(error)));
    return OutcomeOf<Stream>(Stream(opened));
}

/// Starts a call that has a future for its result, which also tells that it was not accepted.
template <class Pending>
Call<typename Pending::Result> begin_future(const router_t* router, Question question,
                                            std::unique_ptr<Pending> pending) {
    using Result = typename Pending::Result;
    Call<Result> call(pending->canceller, pending->promise.get_future());
    try {
        start(router, question, std::move(pending));
    } catch (const Error&) {
        std::promise<Result> refused;
        refused.set_exception(std::current_exception());
        call.future() = refused.get_future();
    }
    return call;
}

/// Starts a call: in a future ...
template <class Kind>
Call<typename Kind::Result> begin(const router_t* router, Question question) {
    return begin_future(router, question, std::make_unique<PendingFuture<Kind>>(router));
}

/// Whether a call can end in this function.
template <class Callback, class Kind>
using IfCallback =
    std::enable_if_t<std::is_invocable_v<std::decay_t<Callback>&, OutcomeOf<typename Kind::Result>>>;

/// ... in a callback; throws if it is not accepted ...
template <class Kind, class Callback, class = IfCallback<Callback, Kind>>
Call<void> begin(const router_t* router, Question question, Callback&& callback) {
    using Pending = PendingFunction<Kind, std::decay_t<Callback>>;
    auto pending = std::make_unique<Pending>(router, std::forward<Callback>(callback));
    Call<void> call(pending->canceller, pending->promise.get_future());
    start(router, question, std::move(pending));
    return call;
}

#if defined(__cpp_lib_jthread)
/// ... and in a future, with a stop token.
template <class Kind>
Call<typename Kind::Result> begin(const router_t* router, Question question, std::stop_token stop) {
    auto pending = std::make_unique<PendingStoppable<Kind>>(router);
    if (stop.stop_requested()) {
        pending->promise.set_exception(stopped_before_start().as_exception());
        return Call<typename Kind::Result>(nullptr, pending->promise.get_future());
    }
    pending->listen(std::move(stop));
    return begin_future(router, question, std::move(pending));
}
#endif

}  // namespace detail
}  // namespace llmrouter

#endif
