/// Errors: one exception with everything that is known, and a subclass for each class to catch it by.
#ifndef LLMROUTER_ERROR_HPP
#define LLMROUTER_ERROR_HPP

#include <llmrouter.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "json.hpp"
#include "metadata.hpp"

namespace llmrouter {

/// What kind of error it is, for `switch` and for errors that were not thrown. A code that this header does not know
/// by number is `api_error` or the class that its status belongs to.
enum class ErrorClass {
    invalid_argument,           ///< no JSON or bad UTF-8; nothing was sent
    config,                     ///< the configuration can't be used
    cancelled,                  ///< by the caller
    shut_down,                  ///< the router is closed or closing
    forked,                     ///< the router was made before `fork()`
    internal,                   ///< a fault of the library
    in_callback,                ///< a blocking function was called inside a callback
    busy,                       ///< another read is not finished
    bad_request,                ///< 400
    authentication,             ///< 401
    permission_denied,          ///< 403
    not_found,                  ///< 404
    timeout,                    ///< 408, 504 or no answer in time
    unprocessable_entity,       ///< 422
    rate_limit,                 ///< 429
    internal_server,            ///< 500
    bad_gateway,                ///< 502
    service_unavailable,        ///< 503
    api_connection,             ///< names, TCP, TLS, a reset
    api_response,               ///< an answer that can't be read
    stream_truncated,           ///< a stream without its end
    context_window_exceeded,    ///< the request is too long for the model
    content_policy_violation,   ///< refused for its content
    no_deployment_available,    ///< all are cooling down or full
    budget_exceeded,            ///< a budget of the request is spent
    api_error,                  ///< any other status of a provider
    unknown,                    ///< of a newer library
};

namespace detail {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};

using ErrorHandle = std::unique_ptr<router_error_t, Deleter<&router_error_free>>;

inline constexpr std::array<std::pair<std::string_view, ErrorClass>, 26> error_names{{
    {"InvalidArgumentError", ErrorClass::invalid_argument},
    {"ConfigError", ErrorClass::config},
    {"CancelledError", ErrorClass::cancelled},
    {"ShutDownError", ErrorClass::shut_down},
    {"ForkedError", ErrorClass::forked},
    {"InternalError", ErrorClass::internal},
    {"InCallbackError", ErrorClass::in_callback},
    {"BusyError", ErrorClass::busy},
    {"BadRequestError", ErrorClass::bad_request},
    {"AuthenticationError", ErrorClass::authentication},
    {"PermissionDeniedError", ErrorClass::permission_denied},
    {"NotFoundError", ErrorClass::not_found},
    {"Timeout", ErrorClass::timeout},
    {"UnprocessableEntityError", ErrorClass::unprocessable_entity},
    {"RateLimitError", ErrorClass::rate_limit},
    {"InternalServerError", ErrorClass::internal_server},
    {"BadGatewayError", ErrorClass::bad_gateway},
    {"ServiceUnavailableError", ErrorClass::service_unavailable},
    {"APIConnectionError", ErrorClass::api_connection},
    {"APIResponseValidationError", ErrorClass::api_response},
    {"StreamTruncatedError", ErrorClass::stream_truncated},
    {"ContextWindowExceededError", ErrorClass::context_window_exceeded},
    {"ContentPolicyViolationError", ErrorClass::content_policy_violation},
    {"RouterRateLimitError", ErrorClass::no_deployment_available},
    {"BudgetExceededError", ErrorClass::budget_exceeded},
    {"APIError", ErrorClass::api_error},
}};

inline ErrorClass error_class(std::int32_t code) noexcept {
    const std::string_view name = router_error_name(code);
    for (const auto& [known, error_class] : error_names) {
        if (known == name) return error_class;
    }
    return ErrorClass::unknown;
}

}  // namespace detail

/// Why a call failed. `what()` is the message, for people; it never holds a secret. Cheap to copy.
class Error : public std::runtime_error {
public:
    /// Takes over an error of the C ABI.
    explicit Error(detail::ErrorHandle error)
        : std::runtime_error(router_error_message(error.get())), facts_(read(error.get())) {}

    /// An error of the binding's own.
    Error(router_error_code_t code, const std::string& message)
        : std::runtime_error(message), facts_(make(code, message)) {}

    /// A `router_error_code_t`, or the provider's HTTP status from 400 to 599.
    std::int32_t code() const noexcept { return facts_->code; }
    /// What kind of error it is.
    ErrorClass error_class() const noexcept { return detail::error_class(facts_->code); }
    /// LiteLLM's exception class, such as "RateLimitError".
    std::string name() const { return member("type").value_or(router_error_name(facts_->code)); }
    /// The HTTP status that fits; 0 for a fault of the caller, the configuration or the library.
    std::int32_t status() const noexcept { return facts_->status; }
    /// Whether the same request may succeed later.
    bool retryable() const noexcept { return facts_->retryable; }
    /// After how long to try again, where that is known.
    std::optional<std::chrono::milliseconds> retry_after() const noexcept { return facts_->retry_after; }
    /// Whose deployment failed, such as "openai".
    std::optional<std::string> provider() const { return member("provider"); }
    /// The provider's name for the model.
    std::optional<std::string> model() const { return member("model"); }
    /// Id of the deployment that failed.
    std::optional<std::string> deployment() const { return member("deployment"); }
    /// The member of the request that is wrong.
    std::optional<std::string> param() const { return member("param"); }
    /// The provider's own code, such as "context_length_exceeded".
    std::optional<std::string> provider_code() const { return member("code"); }
    /// What was tried, in order.
    std::vector<Attempt> attempts() const { return detail::attempts(object()["attempts"]); }
    /// Everything, as LiteLLM's error object: `{"error": {...}}`. Lent for as long as a copy of this error lives.
    const std::string& json() const noexcept { return facts_->json; }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J json() const {
        return J::parse(facts_->json);
    }

    /// Throws this error as the subclass that names its class.
    [[noreturn]] void raise() const;
    /// The same as an exception that is not thrown yet.
    std::exception_ptr as_exception() const noexcept {
        try {
            raise();
        } catch (...) {
            return std::current_exception();
        }
    }

private:
    struct Facts {
        std::int32_t code = 0;
        std::int32_t status = 0;
        bool retryable = false;
        std::optional<std::chrono::milliseconds> retry_after;
        std::string json;
    };

    static std::shared_ptr<const Facts> read(const router_error_t* error) {
        auto facts = std::make_shared<Facts>();
        facts->code = router_error_code(error);
        facts->status = router_error_http_status(error);
        facts->retryable = router_error_is_retryable(error);
        const std::int64_t wait = router_error_retry_after_ms(error);
        if (wait >= 0) facts->retry_after = std::chrono::milliseconds(wait);
        std::size_t length = 0;
        if (const char* json = router_error_json(error, &length)) facts->json.assign(json, length);
        return facts;
    }

    static std::shared_ptr<const Facts> make(std::int32_t code, const std::string& message) {
        auto facts = std::make_shared<Facts>();
        facts->code = code;
        facts->json = "{\"error\":{\"message\":" + detail::quoted(message) +
                      ",\"type\":" + detail::quoted(router_error_name(code)) +
                      ",\"code\":null,\"status\":null,\"provider\":null,\"model\":null,\"deployment\":null,"
                      "\"param\":null,\"retryable\":false,\"retry_after\":null,\"attempts\":[]}}";
        return facts;
    }

    detail::Json object() const { return detail::Json(facts_->json)["error"]; }
    std::optional<std::string> member(std::string_view name) const { return object()[name].optional_string(); }

    std::shared_ptr<const Facts> facts_;
};

static_assert(std::is_nothrow_copy_constructible_v<Error>, "exceptions must be copied without throwing");

/// The exception of one class: an `Error` by another name, to be caught by.
template <ErrorClass Class, class Base = Error>
class ErrorOf : public Base {
public:
    explicit ErrorOf(const Error& error) : Base(error) {}
};

using InvalidArgumentError = ErrorOf<ErrorClass::invalid_argument>;
using ConfigError = ErrorOf<ErrorClass::config>;
using CancelledError = ErrorOf<ErrorClass::cancelled>;
using ShutDownError = ErrorOf<ErrorClass::shut_down>;
using ForkedError = ErrorOf<ErrorClass::forked>;
using InternalError = ErrorOf<ErrorClass::internal>;
using InCallbackError = ErrorOf<ErrorClass::in_callback>;
using BusyError = ErrorOf<ErrorClass::busy>;
using BadRequestError = ErrorOf<ErrorClass::bad_request>;
using AuthenticationError = ErrorOf<ErrorClass::authentication>;
using PermissionDeniedError = ErrorOf<ErrorClass::permission_denied>;
using NotFoundError = ErrorOf<ErrorClass::not_found>;
using Timeout = ErrorOf<ErrorClass::timeout>;
using UnprocessableEntityError = ErrorOf<ErrorClass::unprocessable_entity>;
using RateLimitError = ErrorOf<ErrorClass::rate_limit>;
using InternalServerError = ErrorOf<ErrorClass::internal_server>;
using BadGatewayError = ErrorOf<ErrorClass::bad_gateway>;
using ServiceUnavailableError = ErrorOf<ErrorClass::service_unavailable>;
using APIConnectionError = ErrorOf<ErrorClass::api_connection>;
using APIResponseValidationError = ErrorOf<ErrorClass::api_response>;
using StreamTruncatedError = ErrorOf<ErrorClass::stream_truncated>;
/// A bad request, as in LiteLLM.
using ContextWindowExceededError = ErrorOf<ErrorClass::context_window_exceeded, BadRequestError>;
/// A bad request, as in LiteLLM.
using ContentPolicyViolationError = ErrorOf<ErrorClass::content_policy_violation, BadRequestError>;
using RouterRateLimitError = ErrorOf<ErrorClass::no_deployment_available>;
using BudgetExceededError = ErrorOf<ErrorClass::budget_exceeded>;
using APIError = ErrorOf<ErrorClass::api_error>;

inline void Error::raise() const {
    switch (error_class()) {
        case ErrorClass::invalid_argument: throw InvalidArgumentError(*this);
        case ErrorClass::config: throw ConfigError(*this);
        case ErrorClass::cancelled: throw CancelledError(*this);
        case ErrorClass::shut_down: throw ShutDownError(*this);
        case ErrorClass::forked: throw ForkedError(*this);
        case ErrorClass::internal: throw InternalError(*this);
        case ErrorClass::in_callback: throw InCallbackError(*this);
        case ErrorClass::busy: throw BusyError(*this);
        case ErrorClass::bad_request: throw BadRequestError(*this);
        case ErrorClass::authentication: throw AuthenticationError(*this);
        case ErrorClass::permission_denied: throw PermissionDeniedError(*this);
        case ErrorClass::not_found: throw NotFoundError(*this);
        case ErrorClass::timeout: throw Timeout(*this);
        case ErrorClass::unprocessable_entity: throw UnprocessableEntityError(*this);
        case ErrorClass::rate_limit: throw RateLimitError(*this);
        case ErrorClass::internal_server: throw InternalServerError(*this);
        case ErrorClass::bad_gateway: throw BadGatewayError(*this);
        case ErrorClass::service_unavailable: throw ServiceUnavailableError(*this);
        case ErrorClass::api_connection: throw APIConnectionError(*this);
        case ErrorClass::api_response: throw APIResponseValidationError(*this);
        case ErrorClass::stream_truncated: throw StreamTruncatedError(*this);
        case ErrorClass::context_window_exceeded: throw ContextWindowExceededError(*this);
        case ErrorClass::content_policy_violation: throw ContentPolicyViolationError(*this);
        case ErrorClass::no_deployment_available: throw RouterRateLimitError(*this);
        case ErrorClass::budget_exceeded: throw BudgetExceededError(*this);
        case ErrorClass::api_error: throw APIError(*this);
        case ErrorClass::unknown: break;
    }
    throw Error(*this);
}

}  // namespace llmrouter

#endif
