/// How something asynchronous ended: a result or an error.
#ifndef LLMROUTER_OUTCOME_HPP
#define LLMROUTER_OUTCOME_HPP

#include <utility>
#include <variant>

#include "error.hpp"

#if __has_include(<expected>)
#include <expected>
#endif

namespace llmrouter {

/// A `T` or an error. What a callback is given.
template <class T>
class OutcomeOf {
public:
    explicit OutcomeOf(T result) noexcept : either_(std::move(result)) {}
    explicit OutcomeOf(Error error) noexcept : either_(std::move(error)) {}

    /// Whether there is a result.
    explicit operator bool() const noexcept { return std::holds_alternative<T>(either_); }
    /// The result; throws the error if there is none.
    T& value() & { return checked(); }
    T value() && { return std::move(checked()); }
    /// The error of an outcome that is false.
    const Error& error() const { return std::get<Error>(either_); }

#if defined(__cpp_lib_expected)
    /// The same as the standard library has it.
    std::expected<T, Error> expected() && {
        if (const Error* error = std::get_if<Error>(&either_)) return std::unexpected(*error);
        return std::get<T>(std::move(either_));
    }
#endif

private:
    T& checked() {
        if (const Error* error = std::get_if<Error>(&either_)) error->raise();
        return std::get<T>(either_);
    }

    std::variant<T, Error> either_;
};

}  // namespace llmrouter

#endif
