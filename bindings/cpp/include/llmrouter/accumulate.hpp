/// The whole answer that the chunks of a stream make.
#ifndef LLMROUTER_ACCUMULATE_HPP
#define LLMROUTER_ACCUMULATE_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "json.hpp"
#include "merged.hpp"
#include "metadata.hpp"
#include "response.hpp"
#include "stream.hpp"

namespace llmrouter {

namespace detail {

template <class T, class = void>
struct IsChunks : std::false_type {};

template <class T>
struct IsChunks<T, std::void_t<decltype(*std::begin(std::declval<T&>()))>>
    : std::is_convertible<decltype(*std::begin(std::declval<T&>())), const Chunk&> {};

}  // namespace detail

/// Puts a streamed answer together: texts, refusals and reasoning joined, tool calls by their index, each choice by its
/// own. What it tells can be asked for at any time, and is then what has come so far; a stream that throws leaves it so.
///
///     llmrouter::Accumulator answer(router.stream(request));      // reads to the end
///     request.raw_message(answer.message());
///
/// Beside the reading of one's own, of an `AsyncStream` too:
///
///     while (const auto chunk = co_await stream.next()) answer.add(*chunk);
///
/// It is for chats: events of "/responses" and chunks of "/completions" add nothing. The text of those is in
/// `Stream::text` and `AsyncStream::text`; a response's last event, "response.completed", has the whole of it.
///
/// A `choice` is the number that the provider gave it, from 0 on; of one that has not come, everything is empty. A value
/// like any other: it can be copied, and threads that share one have to take turns.
class Accumulator {
public:
    Accumulator() = default;
    /// Reads chunks to their end: see `add`.
    template <class Chunks, class = std::enable_if_t<detail::IsChunks<Chunks>::value>>
    explicit Accumulator(Chunks&& chunks) {
        add(chunks);
    }

    /// What is no chunk of a chat completion adds nothing.
    Accumulator& add(const Chunk& chunk) {
        const detail::Json json(chunk.json());
        if (!is_chat(json)) return *this;
        json.members([this](std::string name, detail::Json value) {
            if (name == "choices") {
                choices_.add_items(value);
            } else if (name != "usage") {
                head_.add_member(std::move(name), value);
            } else if (value) {
                usage_ = value.text();
            }
        });
        return *this;
    }
    /// A range of chunks: a `Stream`, of which all is read that is still to come, or what a read of an `AsyncStream`
    /// brought. Throws what the stream throws, and keeps what came before that.
    template <class Chunks, class = std::enable_if_t<detail::IsChunks<Chunks>::value>>
    Accumulator& add(Chunks&& chunks) {
        for (const Chunk& chunk : chunks) add(chunk);
        return *this;
    }

    /// How many choices have begun: more than one if the request's `n` is.
    std::size_t choices() const noexcept { return choices_.items().size(); }

    /// The text.
    std::string text(std::int64_t choice = 0) const { return said(choice, "content"); }
    /// In which words the model refuses.
    std::string refusal(std::int64_t choice = 0) const { return said(choice, "refusal"); }
    /// What it reasoned, of providers that tell.
    std::string reasoning(std::int64_t choice = 0) const {
        std::string text = said(choice, "reasoning_content");
        return text.empty() ? said(choice, "reasoning") : text;
    }
    /// The tool calls, in the order of their indices.
    std::vector<ToolCall> tool_calls(std::int64_t choice = 0) const {
        std::vector<ToolCall> calls;
        detail::Json(message(choice))["tool_calls"].elements([&calls](detail::Json call) {
            const detail::Json function = call["function"];
            calls.push_back({call["id"].string(), function["name"].string(), function["arguments"].string()});
        });
        return calls;
    }
    /// Why the choice ended, such as "stop" or "tool_calls"; none before that.
    std::optional<std::string> finish_reason(std::int64_t choice = 0) const {
        const detail::Merged* reason = member(choices_.at(choice), "finish_reason");
        return reason == nullptr || reason->is_null() ? std::nullopt : std::optional(reason->string());
    }
    /// Tokens that the provider counted: they come in the last chunk of a request with `stream_options`
    /// `{"include_usage": true}`. The stream's metadata has them either way.
    std::optional<Usage> usage() const { return detail::usage(detail::Json(usage_)); }

    /// The message as JSON, to be put into the next request (`ChatRequest::raw_message`).
    std::string message(std::int64_t choice = 0) const { return message_of(member(choices_.at(choice), "delta")); }

    /// The whole answer as JSON, in the shape of `Response::body`.
    std::string body() const {
        std::string json = "{";
        for (const auto& [name, value] : head_.members()) {
            if (name != "object") json += detail::quoted(name) + ':' + value.json() + ',';
        }
        json += "\"object\":\"chat.completion\",\"choices\":[";
        for (const detail::Merged& choice : choices_.items()) {
            if (&choice != &choices_.items().front()) json += ',';
            json += choice_of(choice);
        }
        json += ']';
        if (!usage_.empty()) json += ",\"usage\":" + usage_;
        return json + '}';
    }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J body() const {
        return J::parse(body());
    }

private:
    using Merged = detail::Merged;

    /// Chunks of text completions have choices, too. Those without any are told by their name alone, which not every
    /// provider gives.
    static bool is_chat(detail::Json json) {
        const detail::Json choices = json["choices"], first = choices.first();
        return choices.text().substr(0, 1) == "[" && json["object"].text() != "\"text_completion\"" &&
               (first["delta"] || !first["text"]);
    }

    static const Merged* member(const Merged* object, std::string_view name) {
        return object == nullptr ? nullptr : object->find(name);
    }
    /// The member, if it is there and not null.
    static const Merged* given(const Merged* object, std::string_view name) {
        const Merged* found = member(object, name);
        return found == nullptr || found->is_null() ? nullptr : found;
    }
    std::string said(std::int64_t choice, std::string_view name) const {
        const Merged* text = member(member(choices_.at(choice), "delta"), name);
        return text == nullptr ? std::string() : text->string();
    }

    /// The members of an object that are not named, each with a comma behind it.
    template <class... Names>
    static std::string others(const Merged* object, Names... names) {
        std::string json;
        if (object == nullptr) return json;
        for (const auto& [name, value] : object->members()) {
            if (((name != names) && ...)) json += detail::quoted(name) + ':' + value.json() + ',';
        }
        return json;
    }
    /// A member's text as JSON, or another if it says nothing.
    static std::string text_or(const Merged* object, std::string_view name, const char* otherwise) {
        const Merged* text = member(object, name);
        return text == nullptr || text->string().empty() ? otherwise : text->json();
    }

    static std::string choice_of(const Merged& choice) {
        const Merged* reason = choice.find("finish_reason");
        return '{' + others(&choice, "delta", "finish_reason") + "\"message\":" + message_of(choice.find("delta")) +
               ",\"finish_reason\":" + (reason == nullptr ? "null" : reason->json()) + '}';
    }

    /// A message that can be sent back: with what a request's must have, without what it must not.
    static std::string message_of(const Merged* delta) {
        const Merged* calls = member(delta, "tool_calls");
        const bool calls_some = calls != nullptr && !calls->items().empty();
        bool says_else = calls_some;
        for (const char* name : {"refusal", "function_call", "audio"}) says_else |= given(delta, name) != nullptr;
        const Merged* content = given(delta, "content");
        const bool says = content != nullptr && content->json() != "\"\"";
        std::string json = "{\"role\":" + text_or(delta, "role", "\"assistant\"") + ",";
        json += others(delta, "role", "content", "tool_calls");
        if (calls_some) {
            json += "\"tool_calls\":[";
            for (const Merged& call : calls->items()) json += (json.back() == '[' ? "" : ",") + call_of(call);
            json += "],";
        }
        return json + "\"content\":" + (says ? content->json() : says_else ? "null" : "\"\"") + '}';
    }

    static std::string call_of(const Merged& call) {
        if (!call.is_object()) return call.json();
        const std::string type = text_or(&call, "type", "\"function\"");
        std::string json = '{' + others(&call, "index", "type", "function") + "\"type\":" + type;
        const Merged* function = call.find("function");
        if (type == "\"function\"") {
            json += ",\"function\":{" + others(function, "name", "arguments") +
                    "\"name\":" + text_or(function, "name", "\"\"") +
                    ",\"arguments\":" + text_or(function, "arguments", "\"\"") + '}';
        } else if (function != nullptr) {
            json += ",\"function\":" + function->json();
        }
        return json + '}';
    }

    Merged head_{Merged::Kind::object};
    Merged choices_{Merged::Kind::list};
    std::string usage_;
};

}  // namespace llmrouter

#endif
