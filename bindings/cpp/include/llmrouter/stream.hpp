/// One answer that arrives in chunks.
#ifndef LLMROUTER_STREAM_HPP
#define LLMROUTER_STREAM_HPP

#include <llmrouter.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "error.hpp"
#include "json.hpp"
#include "metadata.hpp"
#include "outcome.hpp"

namespace llmrouter {

namespace detail {

using StreamHandle = std::unique_ptr<router_stream_t, Deleter<&router_stream_free>>;

/// What the router knows of a stream, as JSON that it lends.
inline std::string_view metadata_of(const router_stream_t* stream) noexcept {
    std::size_t length = 0;
    const char* text = router_stream_metadata(stream, &length);
    return text == nullptr ? std::string_view() : std::string_view(text, length);
}

}  // namespace detail

/// One piece of a streamed answer: `chat.completion.chunk`, in OpenAI's shape; of another verb, what that one has. It
/// outlives its stream.
class Chunk {
public:
    explicit Chunk(std::string json) noexcept : json_(std::move(json)) {}

    /// The whole chunk: the provider's bytes where it speaks OpenAI's shape.
    const std::string& json() const& noexcept { return json_; }
    std::string json() && noexcept { return std::move(json_); }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J json() const {
        return J::parse(json_);
    }

    /// What the first choice's text, or a response's, grows by; empty if by nothing.
    std::string text() const {
        if (const detail::Json first = choice()) {
            const detail::Json delta = first["delta"];
            return (delta ? delta["content"] : first["text"]).string();
        }
        return type() == "response.output_text.delta" ? detail::Json(json_)["delta"].string() : std::string();
    }
    /// The name of an event of "/responses", such as "response.output_text.delta"; empty for chunks.
    std::string type() const { return detail::Json(json_)["type"].string(); }
    /// Why the first choice ended, in the chunk that ends it.
    std::optional<std::string> finish_reason() const { return choice()["finish_reason"].optional_string(); }

private:
    detail::Json choice() const { return detail::Json(json_)["choices"].first(); }

    std::string json_;
};

/// A streamed call that has brought its first content (`Router::stream`). Move-only; it may outlive the router.
///
///     for (const auto& chunk : router.stream(request)) std::cout << chunk.text() << std::flush;
///
/// One thread reads; `cancel` is for any thread. A stream that is dropped before its end is cancelled: so is one whose
/// loop is left, if nothing else holds it. To drop it while another thread reads is an error: cancel it first.
class Stream {
public:
    class Iterator;

    /// Takes over a stream of the C ABI.
    explicit Stream(router_stream_t* owned) noexcept : handle_(owned) {}

    /// Waits for the next chunk; none at the end. What goes wrong midway is thrown, after all that came before it, and
    /// again if it is asked again. Not inside a callback.
    std::optional<Chunk> next() { return read().value(); }
#if defined(__cpp_lib_expected)
    /// The same; an error is a value.
    std::expected<std::optional<Chunk>, Error> try_next() { return read().expected(); }
#endif

    /// Reads the first chunk that was not read yet, and throws what `next` throws; so does each step of the iterator.
    Iterator begin();
    Iterator end() noexcept;

    /// The first choice's text, or a response's, as far as it was read.
    const std::string& text() const& noexcept { return text_; }
    std::string text() && noexcept { return std::move(text_); }

    /// What the router adds: from the beginning, who answers and what was tried; from the end on, all of it.
    Metadata metadata() const { return detail::metadata(lent()); }
    /// The same as JSON, lent for as long as the stream lives; asked of a temporary, it is copied.
    std::string_view metadata_json() const& noexcept { return lent(); }
    std::string metadata_json() const&& { return std::string(lent()); }
    /// The same as a value of the program's JSON library.
    template <class J, class = std::enable_if_t<is_json<J>>>
    J metadata() const {
        return J::parse(std::string(lent()));
    }

    /// Ends it early, from any thread: what has arrived can still be read, then comes `CancelledError`, or what won
    /// the race.
    void cancel() const noexcept { router_stream_cancel(handle_.get()); }

    /// The handle, still owned by this object.
    router_stream_t* c_api() const noexcept { return handle_.get(); }
    /// Gives the handle away: free it with `router_stream_free`.
    [[nodiscard]] router_stream_t* release() noexcept { return handle_.release(); }

private:
    std::string_view lent() const noexcept { return detail::metadata_of(handle_.get()); }

    OutcomeOf<std::optional<Chunk>> read() {
        const char* json = nullptr;
        std::size_t length = 0;
        router_error_t* error = nullptr;
        const std::int32_t status = router_stream_next(handle_.get(), &json, &length, &error);
        if (status == ROUTER_STREAM_END) return OutcomeOf<std::optional<Chunk>>(std::nullopt);
        if (status != ROUTER_STREAM_CHUNK) return OutcomeOf<std::optional<Chunk>>(Error(detail::ErrorHandle(error)));
        Chunk chunk(std::string(json, length));
        text_ += chunk.text();
        return OutcomeOf<std::optional<Chunk>>(std::move(chunk));
    }

    detail::StreamHandle handle_;
    std::string text_;
};

/// An input iterator over the chunks of a stream, which has to stay where it is meanwhile.
class Stream::Iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Chunk;
    using difference_type = std::ptrdiff_t;
    using pointer = const Chunk*;
    using reference = const Chunk&;

    /// The end of every stream.
    Iterator() noexcept = default;
    explicit Iterator(Stream& stream) : stream_(&stream) { ++*this; }

    reference operator*() const { return *chunk_; }
    pointer operator->() const { return &*chunk_; }
    Iterator& operator++() {
        // What is thrown leaves it at the chunk before.
        std::optional<Chunk> next = stream_->next();
        if (!next) stream_ = nullptr;
        chunk_ = std::move(next);
        return *this;
    }
    Iterator operator++(int) {
        Iterator before = *this;
        ++*this;
        return before;
    }

    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.stream_ == b.stream_; }
    friend bool operator!=(const Iterator& a, const Iterator& b) noexcept { return !(a == b); }

private:
    Stream* stream_ = nullptr;
    std::optional<Chunk> chunk_;
};

inline Stream::Iterator Stream::begin() { return Iterator(*this); }
inline Stream::Iterator Stream::end() noexcept { return Iterator(); }

}  // namespace llmrouter

#endif
