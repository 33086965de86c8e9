/// One answer.
#ifndef LLMROUTER_RESPONSE_HPP
#define LLMROUTER_RESPONSE_HPP

#include <llmrouter.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

/// One finished call. Move-only; any thread may read it. It outlives the router.
///
/// Text is lent for as long as the response lives; asked of a temporary, it is copied.
class Response {
public:
    /// Takes over a response of the C ABI.
    explicit Response(router_response_t* owned) noexcept : handle_(owned) {}

    /// The first choice's text; empty if there is none (see `has_text`).
    std::string_view text() const& noexcept { return lent<&router_response_text>(); }
    std::string text() const&& { return std::string(lent<&router_response_text>()); }
    /// False for an answer without text, such as one that only calls tools.
    bool has_text() const noexcept { return lent<&router_response_text>().data() != nullptr; }

    /// The whole answer as JSON in OpenAI's shape: the provider's bytes where it speaks that shape.
    std::string_view body() const& noexcept { return lent<&router_response_body>(); }
    std::string body() const&& { return std::string(lent<&router_response_body>()); }
    /// The same as a value of the program's JSON library: `body<nlohmann::json>()`.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J body() const {
        return J::parse(std::string(lent<&router_response_body>()));
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
