/// One answer.
#ifndef LLMROUTER_RESPONSE_HPP
#define LLMROUTER_RESPONSE_HPP

#include <llmrouter.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base64.hpp"
#include "error.hpp"
#include "json.hpp"
#include "metadata.hpp"
#include "outcome.hpp"

namespace llmrouter {

/// A call that the model wants made.
struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  ///< JSON text, as the model wrote it: check it
};

namespace detail {

/// An embedding, as a list or as the Base64 of little-endian 32-bit numbers.
inline std::vector<double> vector(Json embedding) {
    std::vector<double> numbers;
    embedding.elements([&numbers](Json number) { numbers.push_back(number.real().value_or(0)); });
    const std::optional<std::string> text = embedding.optional_string();
    if (!text) return numbers;
    const std::optional<std::string> bytes = from_base64(*text);
    if (!bytes || bytes->empty() || bytes->size() % sizeof(float) != 0) {
        Error(ROUTER_ERROR_API_RESPONSE, "a vector in Base64 is not of 32-bit numbers").raise();
    }
    for (std::size_t at = 0; at < bytes->size(); at += sizeof(float)) {
        std::uint32_t bits = 0;
        for (std::size_t i = sizeof bits; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>((*bytes)[at + i]);
        float number = 0;
        std::memcpy(&number, &bits, sizeof number);
        numbers.push_back(static_cast<double>(number));
    }
    return numbers;
}

}  // namespace detail

/// One finished call. Move-only; any thread may read it. It outlives the router.
///
/// Text is lent for as long as the response lives; asked of a temporary, it is copied.
class Response {
public:
    /// Takes over a response of the C ABI.
    explicit Response(router_response_t* owned) noexcept : handle_(owned) {}

    /// The first choice's text, that of a response, a transcript; empty if there is none (see `has_text`).
    std::string_view text() const& noexcept { return lent<&router_response_text>(); }
    std::string text() const&& { return std::string(lent<&router_response_text>()); }
    /// False for an answer without text: one that only calls tools, embeddings, sound.
    bool has_text() const noexcept { return lent<&router_response_text>().data() != nullptr; }

    /// The whole answer as JSON in OpenAI's shape: the provider's bytes where it speaks that shape. Sound and plain
    /// transcripts are the bytes of these (see `content_type`).
    std::string_view body() const& noexcept { return lent<&router_response_body>(); }
    std::string body() const&& { return std::string(lent<&router_response_body>()); }
    /// The same as a value of the program's JSON library: `body<nlohmann::json>()`.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J body() const {
        return J::parse(std::string(lent<&router_response_body>()));
    }

    /// What the body is: "application/json", or what the provider said of other bytes, such as "audio/mpeg".
    std::string content_type() const {
        const auto told = detail::Json(lent<&router_response_metadata>())["content_type"].optional_string();
        return told.value_or("application/json");
    }

    /// What the router adds. Read anew each time: keep it if it is needed twice.
    Metadata metadata() const { return detail::metadata(lent<&router_response_metadata>()); }
    /// The same as JSON.
    std::string_view metadata_json() const& noexcept { return lent<&router_response_metadata>(); }
    std::string metadata_json() const&& { return std::string(lent<&router_response_metadata>()); }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J metadata() const {
        return J::parse(std::string(lent<&router_response_metadata>()));
    }

    /// The first choice's message as JSON, to be put into the next request (`ChatRequest::raw_message`).
    std::string message() const { return std::string(choice()["message"].text()); }
    /// Why the first choice ended, such as "stop" or "tool_calls".
    std::optional<std::string> finish_reason() const { return choice()["finish_reason"].optional_string(); }
    /// The tool calls of the first choice.
    std::vector<ToolCall> tool_calls() const {
        std::vector<ToolCall> calls;
        choice()["message"]["tool_calls"].elements([&calls](detail::Json call) {
            const detail::Json function = call["function"];
            calls.push_back({call["id"].string(), function["name"].string(), function["arguments"].string()});
        });
        return calls;
    }
    /// Of embeddings: a vector for each input, in their order; none of other answers. Throws
    /// `APIResponseValidationError` if one that is in Base64 is no list of 32-bit numbers.
    std::vector<std::vector<double>> vectors() const {
        std::vector<std::vector<double>> vectors;
        detail::Json(lent<&router_response_body>())["data"].elements([&vectors](detail::Json one) {
            if (const detail::Json embedding = one["embedding"]) vectors.push_back(detail::vector(embedding));
        });
        return vectors;
    }
    /// Tokens that the provider counted.
    std::optional<Usage> usage() const { return detail::usage(detail::Json(lent<&router_response_body>())["usage"]); }

    /// The handle, still owned by this object.
    const router_response_t* c_api() const noexcept { return handle_.get(); }
    /// Gives the handle away: free it with `router_response_free`.
    [[nodiscard]] router_response_t* release() noexcept { return handle_.release(); }

private:
    template <auto Read>
    std::string_view lent() const noexcept {
        std::size_t length = 0;
        const char* text = handle_ ? Read(handle_.get(), &length) : nullptr;
        return text == nullptr ? std::string_view() : std::string_view(text, length);
    }

    detail::Json choice() const { return detail::Json(lent<&router_response_body>())["choices"].first(); }

    std::unique_ptr<router_response_t, detail::Deleter<&router_response_free>> handle_;
};

static_assert(sizeof(Response) == sizeof(router_response_t*), "a response is one pointer");

/// How a call ended. What its callback is given.
using Outcome = OutcomeOf<Response>;

}  // namespace llmrouter

#endif
