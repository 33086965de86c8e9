/// As much JSON as the binding needs: writing strings and numbers, and reading members of texts that are known to be
/// JSON. Programs hand in and take out the values of their own JSON library, see `is_json`.
#ifndef LLMROUTER_JSON_HPP
#define LLMROUTER_JSON_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llmrouter {

namespace detail {

template <class T, class = void>
struct IsJson : std::false_type {};

template <class T>
struct IsJson<T, std::void_t<decltype(std::string(std::declval<const T&>().dump())),
                             decltype(T(T::parse(std::declval<std::string>())))>> : std::true_type {};

}  // namespace detail

/// Whether `T` is a JSON value of the program's own library: it has `dump()` and a static `parse(text)`, as
/// `nlohmann::json` has. Such values are accepted as requests and made from answers, without including their header.
template <class T>
inline constexpr bool is_json = detail::IsJson<std::decay_t<T>>::value;

namespace detail {

inline void append_utf8(std::string& text, std::uint32_t point) {
    const auto put = [&text](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xC0 | point >> 6);
        put(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        put(0xE0 | point >> 12);
        put(0x80 | (point >> 6 & 0x3F));
        put(0x80 | (point & 0x3F));
    } else {
        put(0xF0 | point >> 18);
        put(0x80 | (point >> 12 & 0x3F));
        put(0x80 | (point >> 6 & 0x3F));
        put(0x80 | (point & 0x3F));
    }
}

/// `text` as a JSON string, quotes included. What is no UTF-8 stays as it is: the library refuses it.
inline std::string quoted(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string json;
    json.reserve(text.size() + 2);
    json += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (byte < 0x20) {
            json += "\\u00";
            json += digits[byte >> 4];
            json += digits[byte & 0xF];
        } else {
            json += c;
        }
    }
    json += '"';
    return json;
}

/// A finite number, in the fewest digits that give it back, whatever the locale.
inline std::string number(double value) {
    std::string text;
    for (const int digits : {15, 16, 17}) {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        out.precision(digits);
        out << value;
        text = out.str();
        std::istringstream in(text);
        in.imbue(std::locale::classic());
        double same = 0;
        if (in >> same && !(same < value) && !(same > value)) break;
    }
    return text;
}

/// A value inside a JSON text, which has to outlive it; false if there is none. The library has checked the text, so
/// this only finds its way; in a text that is no JSON it finds nothing or nonsense, but never leaves it.
class Json {
public:
    Json() = default;
    explicit Json(std::string_view text) : text_(text) {
        const std::size_t start = skip_space(text_, 0);
        text_ = text_.substr(start, skip_value(text_, start) - start);
    }

    explicit operator bool() const noexcept { return !text_.empty() && text_ != "null"; }
    std::string_view text() const noexcept { return text_; }

    /// Calls `visit(name, value)` for each member of an object.
    template <class Visit>
    void members(Visit visit) const {
        each('{', '}', [&](Json name, Json value) {
            visit(name.string(), value);
            return true;
        });
    }

    /// Calls `visit(value)` for each element of an array.
    template <class Visit>
    void elements(Visit visit) const {
        each('[', ']', [&](Json, Json value) {
            visit(value);
            return true;
        });
    }

    Json operator[](std::string_view member) const {
        Json found;
        each('{', '}', [&](Json name, Json value) {
            // Names that matter here are plain ASCII: nobody escapes them.
            if (name.text_.size() != member.size() + 2 || name.text_.substr(1, member.size()) != member) return true;
            found = value;
            return false;
        });
        return found;
    }

    Json first() const {
        Json found;
        each('[', ']', [&](Json, Json value) {
            found = value;
            return false;
        });
        return found;
    }

    /// The text of a string; empty if it is none.
    std::string string() const {
        std::string plain;
        if (text_.size() < 2 || text_.front() != '"') return plain;
        const std::string_view inner = text_.substr(1, text_.size() - 2);
        for (std::size_t at = 0; at < inner.size(); ++at) {
            if (inner[at] != '\\' || at + 1 == inner.size()) {
                plain += inner[at];
            } else if (inner[++at] == 'u') {
                append_utf8(plain, escaped(inner, at));
            } else {
                constexpr std::string_view names = "bfnrt";
                const std::size_t which = names.find(inner[at]);
                plain += which == std::string_view::npos ? inner[at] : "\b\f\n\r\t"[which];
            }
        }
        return plain;
    }

    std::optional<std::string> optional_string() const {
        return text_.empty() || text_.front() != '"' ? std::nullopt : std::optional(string());
    }

    template <class Integer>
    std::optional<Integer> integer() const {
        Integer value{};
        const auto parsed = std::from_chars(text_.data(), text_.data() + text_.size(), value);
        return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
    }

    std::optional<double> real() const {
#if defined(__cpp_lib_to_chars)
        double value = 0;
        const auto parsed = std::from_chars(text_.data(), text_.data() + text_.size(), value);
        return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
#else
        std::istringstream in{std::string(text_)};
        in.imbue(std::locale::classic());
        double value = 0;
        return in >> value ? std::optional(value) : std::nullopt;
#endif
    }

    bool is_true() const noexcept { return text_ == "true"; }

private:
    static std::size_t skip_space(std::string_view text, std::size_t at) {
        at = text.find_first_not_of(" \t\r\n", at);
        return at == std::string_view::npos ? text.size() : at;
    }

    static std::size_t skip_string(std::string_view text, std::size_t at) {
        for (++at; at < text.size() && text[at] != '"'; ++at) {
            if (text[at] == '\\') ++at;
        }
        return at < text.size() ? at + 1 : text.size();
    }

    /// The end of the value that begins at `at`. No recursion: depth costs no stack.
    static std::size_t skip_value(std::string_view text, std::size_t at) {
        std::size_t depth = 0;
        while (at < text.size()) {
            const char c = text[at];
            if (c == '"') {
                at = skip_string(text, at);
            } else if (c == '{' || c == '[') {
                ++depth;
                ++at;
                continue;
            } else if (c == '}' || c == ']') {
                if (depth == 0) return at;
                --depth;
                ++at;
            } else if (depth > 0) {
                ++at;
                continue;
            } else {
                const std::size_t end = text.find_first_of(" \t\r\n,:]}", at);
                return end == std::string_view::npos ? text.size() : end;
            }
            if (depth == 0) return at;
        }
        return text.size();
    }

    /// What lies between two places, which are the ends of a value.
    Json slice(std::size_t from, std::size_t to) const noexcept {
        Json value;
        value.text_ = text_.substr(from, to - from);
        return value;
    }

    /// Calls `visit(name, value)` until it returns false; elements have no name.
    template <class Visit>
    void each(char open, char close, Visit visit) const {
        if (text_.empty() || text_.front() != open) return;
        std::size_t at = skip_space(text_, 1);
        while (at < text_.size() && text_[at] != close) {
            Json name;
            if (open == '{') {
                const std::size_t end = skip_value(text_, at);
                name = slice(at, end);
                at = skip_space(text_, end);
                if (at == text_.size() || text_[at] != ':') return;
                at = skip_space(text_, at + 1);
            }
            const std::size_t end = skip_value(text_, at);
            if (end == at || !visit(name, slice(at, end))) return;
            at = skip_space(text_, end);
            if (at < text_.size() && text_[at] == ',') at = skip_space(text_, at + 1);
        }
    }

    /// The four digits after the "u" at `at`, which is moved to the last of them.
    static std::uint32_t digits(std::string_view text, std::size_t& at) {
        std::uint32_t value = 0;
        const std::string_view four = text.substr(at + 1, 4);
        std::from_chars(four.data(), four.data() + four.size(), value, 16);
        at += four.size();
        return value;
    }

    /// The character that the escape at `at`, or a pair of them, stands for.
    static std::uint32_t escaped(std::string_view text, std::size_t& at) {
        constexpr std::uint32_t replacement = 0xFFFD;
        const std::uint32_t high = digits(text, at);
        if (high < 0xD800 || high > 0xDFFF) return high;
        if (high > 0xDBFF || text.substr(at + 1, 2) != "\\u") return replacement;
        std::size_t next = at + 2;
        const std::uint32_t low = digits(text, next);
        if (low < 0xDC00 || low > 0xDFFF) return replacement;
        at = next;
        return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }

    std::string_view text_;
};

}  // namespace detail
}  // namespace llmrouter

#endif
