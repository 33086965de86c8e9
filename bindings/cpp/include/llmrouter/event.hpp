/// What became of an attempt or of a call, as a router's event listener hears it.
#ifndef LLMROUTER_EVENT_HPP
#define LLMROUTER_EVENT_HPP

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "json.hpp"
#include "library.hpp"
#include "metadata.hpp"
#include "snapshot.hpp"

namespace llmrouter {

/// Where the time of an attempt or a call went, milliseconds. All of them together are `total_ms`.
struct Phases {
    double resolve_ms = 0;        ///< the name was looked up; 0 on a connection that was there
    double connect_ms = 0;        ///< TCP and TLS; 0 on a connection that was there
    double headers_ms = 0;        ///< from there to the answer's headers
    double first_content_ms = 0;  ///< from there to the first content of a stream, or to the end of a whole answer
    double stream_ms = 0;         ///< the rest of a stream
    double router_ms = 0;         ///< of a call: beside its attempts, waits included
    double total_ms = 0;
};

/// Why an attempt or a call failed.
struct EventError {
    std::string error_class;    ///< such as "RateLimitError"
    std::string error_code;     ///< the HTTP status as text; empty if there was none
    std::string error_message;  ///< without secrets
    std::string llm_provider;
    std::optional<std::string> provider_code;        ///< the provider's own code
    std::optional<double> retry_after;               ///< seconds
    std::optional<std::string> provider_request_id;  ///< what the provider calls the request by
};

/// One attempt that ended, or one call. It is LiteLLM's standard logging payload with the router's own members beside
/// it. Members are read from the JSON when they are asked for; that is lent by the library until the listener returns,
/// so copy what is to be kept.
class RouterEvent {
public:
    RouterEvent(LogLevel level, std::string_view json) : level_(level), json_(json) {}

    /// `info`; `warn` for an attempt that failed, `error` for a call that failed.
    LogLevel level() const noexcept { return level_; }
    /// All of it.
    std::string_view json() const noexcept { return json_.text(); }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J json() const {
        return J::parse(std::string(json_.text()));
    }

    /// A call has ended; else an attempt of one.
    bool is_call() const { return json_["event"].text() == "\"call\""; }
    bool is_success() const { return json_["status"].text() == "\"success\""; }
    bool is_stream() const { return json_["stream"].is_true(); }

    std::uint64_t call_id() const { return detail::count(json_["call_id"]); }  ///< the call's number in its router
    std::string id() const { return json_["id"].string(); }  ///< the answer's, or the call's if there is none
    std::string litellm_call_id() const { return json_["litellm_call_id"].string(); }
    std::string trace_id() const { return json_["trace_id"].string(); }
    std::optional<std::string> session_id() const { return json_["session_id"].optional_string(); }
    std::string call_type() const { return json_["call_type"].string(); }  ///< such as "acompletion"

    std::string requested_model() const { return json_["requested_model"].string(); }
    std::string model_group() const { return json_["model_group"].string(); }
    std::optional<std::string> deployment() const { return json_["deployment"].optional_string(); }
    std::optional<std::string> provider() const { return json_["custom_llm_provider"].optional_string(); }
    /// Provider and model, such as "openai/gpt-4o".
    std::optional<std::string> model() const { return json_["model"].optional_string(); }
    std::optional<std::string> api_base() const { return json_["api_base"].optional_string(); }

    /// An attempt's number in its call, from 1; of a call how many there were.
    int attempt() const { return json_["attempt"].integer<int>().value_or(0); }
    std::vector<Attempt> attempts() const { return detail::attempts(json_["attempts"]); }
    int fallbacks() const { return json_["fallbacks"].integer<int>().value_or(0); }  ///< groups left behind
    /// The groups that were asked, in order.
    std::vector<std::string> fallback_chain() const { return detail::strings(json_["fallback_chain"]); }

    Moment start() const { return moment(json_["startTime"]); }
    Moment end() const { return moment(json_["endTime"]); }
    Phases phases() const {
        const detail::Json all = json_["phases"];
        const auto read = [all](std::string_view name) { return all[name].real().value_or(0); };
        return {read("resolve_ms"), read("connect_ms"), read("headers_ms"), read("first_content_ms"),
                read("stream_ms"),  read("router_ms"),  read("total_ms")};
    }
    /// The whole of it, milliseconds.
    double took_ms() const { return phases().total_ms; }
    std::optional<double> overhead_ms() const { return json_["overhead_ms"].real(); }  ///< the router's part of a call
    std::optional<double> ttft_ms() const { return json_["ttft_ms"].real(); }  ///< of a stream: until its first content

    Usage usage() const { return detail::usage(json_).value_or(Usage()); }
    bool usage_estimated() const { return json_["usage_estimated"].is_true(); }  ///< the provider did not say
    /// US dollars; none if the price is not known. 0 for what was kept.
    std::optional<double> cost() const { return json_["response_cost"].real(); }
    bool cache_hit() const { return json_["cache_hit"].is_true(); }

    std::vector<std::string> tags() const { return detail::strings(json_["request_tags"]); }
    std::optional<std::string> end_user() const { return json_["end_user"].optional_string(); }

    /// None on success.
    std::optional<EventError> error() const {
        const detail::Json told = json_["error_information"];
        if (!told) return std::nullopt;
        return EventError{told["error_class"].string(),
                          told["error_code"].string(),
                          told["error_message"].string(),
                          told["llm_provider"].string(),
                          told["provider_code"].optional_string(),
                          told["retry_after"].real(),
                          told["error_provider_request_id"].optional_string()};
    }

private:
    /// Of seconds since 1970.
    static Moment moment(detail::Json seconds) {
        return Moment(std::chrono::milliseconds(std::llround(seconds.real().value_or(0) * 1000)));
    }

    LogLevel level_;
    detail::Json json_;
};

}  // namespace llmrouter

#endif
