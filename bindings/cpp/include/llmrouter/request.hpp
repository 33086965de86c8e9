/// Requests: any JSON text, any JSON value, or built here.
#ifndef LLMROUTER_REQUEST_HPP
#define LLMROUTER_REQUEST_HPP

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base64.hpp"
#include "json.hpp"

namespace llmrouter {

/// One part of a message that is not text alone.
class Part {
public:
    /// Text.
    static Part text(std::string_view text) {
        return Part("{\"type\":\"text\",\"text\":" + detail::quoted(text) + "}");
    }
    /// An image by its address, a `data:` URL included.
    static Part image_url(std::string_view url) {
        return Part("{\"type\":\"image_url\",\"image_url\":{\"url\":" + detail::quoted(url) + "}}");
    }
    /// Any other part, as JSON text.
    static Part raw(std::string json) { return Part(std::move(json)); }

    /// The part as JSON text.
    const std::string& json() const noexcept { return json_; }

private:
    explicit Part(std::string json) : json_(std::move(json)) {}
    std::string json_;
};

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

/// The members that every request has.
template <class Self>
class Builder {
public:
    /// The model group, as the configuration names it.
    Self& model(std::string_view name) { return set("model", name); }

    /// Sets a member to text, a number, a bool, a `std::vector` of these or a value of a JSON library. Members set
    /// again are replaced. Throws `std::invalid_argument` for a number that JSON has no form for.
    template <class Value>
    Self& set(std::string_view name, const Value& value) {
        return set_raw(name, json_text(value));
    }

    /// Sets a member to JSON text.
    Self& set_raw(std::string_view name, std::string json) {
        for (auto& [known, value] : members_) {
            if (known == name) {
                value = std::move(json);
                return self();
            }
        }
        members_.emplace_back(name, std::move(json));
        return self();
    }

protected:
    /// The members, with commas between them.
    std::string members() const {
        std::string json;
        for (const auto& [name, value] : members_) {
            if (!json.empty()) json += ',';
            json += detail::quoted(name) + ":" + value;
        }
        return json;
    }

private:
    Self& self() noexcept { return static_cast<Self&>(*this); }

    template <class Value>
    static std::string json_text(const Value& value) {
        if constexpr (is_json<Value>) {
            return std::string(value.dump());
        } else if constexpr (std::is_same_v<Value, bool>) {
            return value ? "true" : "false";
        } else if constexpr (std::is_integral_v<Value>) {
            return std::to_string(value);
        } else if constexpr (std::is_floating_point_v<Value>) {
            if (!std::isfinite(value)) throw std::invalid_argument("JSON has no such number");
            return detail::number(static_cast<double>(value));
        } else if constexpr (IsVector<Value>::value) {
            std::string list = "[";
            // By their type: those of `std::vector<bool>` are proxies.
            using Element = typename Value::value_type;
            for (const Element& element : value) list += (list.size() > 1 ? "," : "") + json_text(element);
            return list + "]";
        } else {
            return detail::quoted(value);
        }
    }

    std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace detail

/// Builds a chat completion request in OpenAI's shape:
/// `ChatRequest().model("gpt-4").system("Be brief.").user("Hi").set("temperature", 0.2)`.
/// Text is escaped; what is named `raw` or given as a value of a JSON library goes in as it is.
class ChatRequest : public detail::Builder<ChatRequest> {
public:
    /// Adds a message of that role.
    ChatRequest& system(std::string_view text) { return message("system", detail::quoted(text)); }
    /// Adds a message of that role.
    ChatRequest& user(std::string_view text) { return message("user", detail::quoted(text)); }
    /// Adds a message of several parts.
    ChatRequest& user(const std::vector<Part>& parts) {
        std::string content = "[";
        for (const Part& part : parts) {
            if (content.size() > 1) content += ',';
            content += part.json();
        }
        return message("user", content + "]");
    }
    /// Adds a message of that role.
    ChatRequest& assistant(std::string_view text) { return message("assistant", detail::quoted(text)); }
    /// What a tool call came to; `id` is the call's.
    ChatRequest& tool_result(std::string_view id, std::string_view text) {
        return raw_message("{\"role\":\"tool\",\"tool_call_id\":" + detail::quoted(id) +
                           ",\"content\":" + detail::quoted(text) + "}");
    }
    /// A message as JSON text, such as the `message()` of an answer.
    ChatRequest& raw_message(std::string_view json) {
        append(messages_, json);
        return *this;
    }

    /// A function that the model may call; `parameters` is its JSON schema, as text or as a value of a JSON library.
    template <class Schema>
    ChatRequest& tool(std::string_view name, std::string_view description, const Schema& parameters) {
        append(tools_, "{\"type\":\"function\",\"function\":{\"name\":" + detail::quoted(name) +
                           ",\"description\":" + detail::quoted(description) +
                           ",\"parameters\":" + raw_text(parameters) + "}}");
        return *this;
    }

    /// The request as JSON text.
    std::string json() const {
        std::string json = "{" + members();
        if (json.size() > 1) json += ',';
        if (!tools_.empty()) json += "\"tools\":[" + tools_ + "],";
        return json + "\"messages\":[" + messages_ + "]}";
    }

private:
    static void append(std::string& list, std::string_view json) {
        if (!list.empty()) list += ',';
        list += json;
    }

    ChatRequest& message(std::string_view role, const std::string& content) {
        return raw_message("{\"role\":" + detail::quoted(role) + ",\"content\":" + content + "}");
    }

    template <class Value>
    static std::string raw_text(const Value& value) {
        if constexpr (is_json<Value>) {
            return std::string(value.dump());
        } else {
            return std::string(value);
        }
    }

    std::string messages_;
    std::string tools_;
};

/// A file in a request, such as sound to transcribe or an image to edit.
struct File {
    std::string filename;      ///< some providers go by its ending
    std::string content_type;  ///< "application/octet-stream" if empty
    std::string_view data;     ///< the bytes, lent until they are put into a request

    /// As a request has it.
    std::string json() const {
        std::string json = "{";
        if (!filename.empty()) json += "\"filename\":" + detail::quoted(filename) + ",";
        if (!content_type.empty()) json += "\"content_type\":" + detail::quoted(content_type) + ",";
        return json + "\"data\":\"" + detail::base64(data) + "\"}";
    }
};

/// Builds a request of a verb other than chat:
/// `VerbRequest().model("whisper").file("file", {"a.wav", "audio/wav", bytes}).set("language", "de")`.
class VerbRequest : public detail::Builder<VerbRequest> {
public:
    /// Sets a member to a file.
    VerbRequest& file(std::string_view name, const File& file) { return set_raw(name, file.json()); }
    /// Sets a member to several files.
    VerbRequest& files(std::string_view name, const std::vector<File>& files) {
        std::string list = "[";
        for (const File& file : files) list += (list.size() > 1 ? "," : "") + file.json();
        return set_raw(name, list + "]");
    }

    /// The request as JSON text.
    std::string json() const { return "{" + members() + "}"; }
};

/// What the functions that send a request accept: JSON text (lent for the call), a `ChatRequest` or `VerbRequest`, or a
/// value of a JSON library (see `is_json`).
class RequestText {
public:
    template <class T, class = std::enable_if_t<is_json<T> || std::is_convertible_v<const T&, std::string_view>>>
    RequestText(const T& request) {  // NOLINT(google-explicit-constructor): it stands for its argument
        if constexpr (is_json<T>) {
            owned_ = request.dump();
            text_ = owned_;
        } else {
            text_ = request;
        }
    }
    template <class Builder>
    RequestText(const detail::Builder<Builder>& request)  // NOLINT
        : owned_(static_cast<const Builder&>(request).json()), text_(owned_) {}
    RequestText(std::nullptr_t) = delete;
    RequestText(const RequestText&) = delete;
    RequestText& operator=(const RequestText&) = delete;

    std::string_view text() const noexcept { return text_; }

private:
    std::string owned_;
    std::string_view text_;
};

}  // namespace llmrouter

#endif
