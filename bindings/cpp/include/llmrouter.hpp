/// llmrouter for C++17 and later: a thin, header-only layer over llmrouter.h.
///
///     auto router = llmrouter::Router::from_file("config.yaml");
///     auto answer = router.completion(llmrouter::ChatRequest().model("gpt-4").user("Hi"));
///     std::cout << answer.text() << '\n';
///
/// What fails throws an `llmrouter::Error`, as the subclass that names its class (`RateLimitError`, ...). One router
/// serves any number of threads. Later standards add forms of the same calls: `completion_task` and `stream_task` to
/// `co_await` and `std::stop_token` (C++20), `try_completion` and `try_stream` with `std::expected` (C++23). `embedding`,
/// `request` and `request_stream` have them all, too.
#ifndef LLMROUTER_HPP
#define LLMROUTER_HPP

#include "llmrouter/accumulate.hpp"
#include "llmrouter/async_stream.hpp"
#include "llmrouter/base64.hpp"
#include "llmrouter/begin.hpp"
#include "llmrouter/call.hpp"
#include "llmrouter/coroutine.hpp"
#include "llmrouter/error.hpp"
#include "llmrouter/event.hpp"
#include "llmrouter/event_listener.hpp"
#include "llmrouter/library.hpp"
#include "llmrouter/merged.hpp"
#include "llmrouter/metadata.hpp"
#include "llmrouter/outcome.hpp"
#include "llmrouter/plan.hpp"
#include "llmrouter/read.hpp"
#include "llmrouter/reload.hpp"
#include "llmrouter/request.hpp"
#include "llmrouter/response.hpp"
#include "llmrouter/router.hpp"
#include "llmrouter/snapshot.hpp"
#include "llmrouter/stream.hpp"

#endif
