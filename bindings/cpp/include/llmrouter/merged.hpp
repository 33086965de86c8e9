/// JSON that comes in pieces, and the law by which they add up.
#ifndef LLMROUTER_MERGED_HPP
#define LLMROUTER_MERGED_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json.hpp"

namespace llmrouter {
namespace detail {

/// Whether the texts of this member are pieces of one text; of any other the last one that says something counts.
inline bool is_growing(std::string_view member) {
    constexpr std::array<std::string_view, 9> growing{
        "content", "refusal", "reasoning_content", "reasoning", "arguments", "text", "data", "transcript", "thinking"};
    return std::find(growing.begin(), growing.end(), member) != growing.end();
}

/// A JSON value put together from pieces. It keeps nothing of the texts that the pieces are in.
class Merged {
public:
    enum class Kind { plain, text, object, list };
    struct Member;

    /// What lies deeper does not come in pieces: it is kept as it is written, so that no depth can exhaust the stack.
    static constexpr unsigned most_depth = 16;

    explicit Merged(Kind kind = Kind::plain) noexcept : kind_(kind) {}
    explicit Merged(Json piece, unsigned depth = most_depth) { take(piece, depth); }

    /// Adds a piece; `grows` if texts are joined.
    void add(Json piece, bool grows, unsigned depth = most_depth) {
        if (!piece) return;
        const Kind kind = kind_of(piece, depth);
        if (kind != kind_ || kind == Kind::plain) return take(piece, depth);
        switch (kind) {
            case Kind::text: return add_text(piece.text(), grows);
            case Kind::object: return add_members(piece, depth);
            default: return add_items(piece, depth);
        }
    }
    void add_member(std::string name, Json piece, unsigned depth = most_depth);
    /// Items with the same index are one, and stand in its order; others follow each other.
    void add_items(Json list, unsigned depth = most_depth);

    /// A member of an object, an item of a list; none if there is none.
    const Merged* find(std::string_view member) const;
    const Merged* at(std::int64_t index) const {
        const auto same = [index](const Merged& item) { return item.index() == index; };
        const auto found = std::find_if(items_.begin(), items_.end(), same);
        return found == items_.end() ? nullptr : &*found;
    }
    const std::vector<Merged>& items() const noexcept { return items_; }
    const std::vector<Member>& members() const noexcept { return members_; }

    bool is_null() const { return kind_ == Kind::plain && json_ == "null"; }
    bool is_object() const noexcept { return kind_ == Kind::object; }
    /// The text; empty if it is none.
    std::string string() const { return kind_ == Kind::text ? Json(json()).string() : std::string(); }
    /// As JSON.
    std::string json() const;

private:
    static Kind kind_of(Json piece, unsigned depth) {
        const char first = piece.text().empty() ? 'n' : piece.text().front();
        if (first == '"') return Kind::text;
        if (depth > 0 && first == '{') return Kind::object;
        return depth > 0 && first == '[' ? Kind::list : Kind::plain;
    }

    /// Becomes this piece.
    void take(Json piece, unsigned depth) {
        *this = Merged(kind_of(piece, depth));
        switch (kind_) {
            case Kind::text: return add_text(piece.text(), true);
            case Kind::object: return add_members(piece, depth);
            case Kind::list: return add_items(piece, depth);
            case Kind::plain: json_ = piece.text().empty() ? "null" : piece.text();
        }
    }

    void add_text(std::string_view quoted, bool grows) {
        const std::string_view inner = quoted.size() < 2 ? std::string_view() : quoted.substr(1, quoted.size() - 2);
        if (grows) {
            json_ += inner;
        } else if (!inner.empty()) {
            json_ = inner;
        }
    }
    void add_members(Json object, unsigned depth) {
        object.members([&](std::string name, Json value) { add_member(std::move(name), value, depth - 1); });
    }
    std::optional<std::int64_t> index() const {
        const Merged* index = find("index");
        return index == nullptr ? std::nullopt : Json(index->json_).integer<std::int64_t>();
    }

    Kind kind_;
    /// What a plain value is written as; of a text, what stands between its quotes. Joined as it is written, a character
    /// whose two escapes came apart is whole again.
    std::string json_;
    std::vector<Member> members_;
    std::vector<Merged> items_;
};

struct Merged::Member {
    std::string name;
    Merged value;
};

inline const Merged* Merged::find(std::string_view member) const {
    const auto same = [member](const Member& known) { return known.name == member; };
    const auto found = std::find_if(members_.begin(), members_.end(), same);
    return found == members_.end() ? nullptr : &found->value;
}

inline void Merged::add_member(std::string name, Json piece, unsigned depth) {
    const auto same = [&name](const Member& known) { return known.name == name; };
    const auto found = std::find_if(members_.begin(), members_.end(), same);
    if (found != members_.end()) return found->value.add(piece, is_growing(name), depth);
    members_.push_back({std::move(name), Merged(piece, depth)});
}

inline void Merged::add_items(Json list, unsigned depth) {
    list.elements([&](Json piece) {
        const auto index = piece["index"].integer<std::int64_t>();
        const auto same = [&index](const Merged& item) { return index && item.index() == index; };
        const auto later = [&index](const Merged& item) { return index && item.index() > index; };
        const auto found = std::find_if(items_.begin(), items_.end(), same);
        if (found != items_.end()) return found->add(piece, false, depth - 1);
        items_.insert(std::find_if(items_.begin(), items_.end(), later), Merged(piece, depth - 1));
    });
}

inline std::string Merged::json() const {
    std::string all;
    const auto separate = [&all] { all += all.size() > 1 ? "," : ""; };
    switch (kind_) {
        case Kind::plain: return json_.empty() ? "null" : json_;
        case Kind::text: return '"' + json_ + '"';
        case Kind::object:
            all = "{";
            // Qualified: there is a std::quoted, too.
            for (const auto& [name, value] : members_) separate(), all += detail::quoted(name) + ':' + value.json();
            return all + '}';
        case Kind::list:
            all = "[";
            for (const Merged& item : items_) separate(), all += item.json();
            return all + ']';
    }
    return all;
}

}  // namespace detail
}  // namespace llmrouter

#endif
