// Answers taken to pieces: each text cut anywhere, the pieces of all in any order that keeps each text's own.
#ifndef SPLITTING_HPP
#define SPLITTING_HPP

#include <algorithm>
#include <cstddef>
#include <deque>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

using Random = std::mt19937;
using Queue = std::deque<nlohmann::json>;

inline std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

/// Never within a character: a chunk is UTF-8.
inline std::vector<std::string> cut(const std::string& text, Random& random) {
    std::vector<std::string> pieces{""};
    for (const char byte : text) {
        if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80 && below(random, 10) < 3) pieces.emplace_back();
        pieces.back() += byte;
    }
    return pieces;
}

/// The deltas of a message: each queue is in order, and they are in none.
inline std::vector<Queue> queues(const nlohmann::json& message, Random& random) {
    std::vector<Queue> all{{{{"role", message["role"]}, {"content", ""}}}};
    for (const auto& [name, text] : message.items()) {
        if (name == "role" || !text.is_string()) continue;
        all.emplace_back();
        for (const std::string& piece : cut(text, random)) all.back().push_back({{name, piece}});
    }
    int index = 0;
    for (nlohmann::json call : message.value("tool_calls", nlohmann::json::array())) {
        const auto put = [&](nlohmann::json piece) {
            piece["index"] = index;
            all.back().push_back({{"tool_calls", {std::move(piece)}}});
        };
        const std::string arguments = call["function"]["arguments"];
        call["function"]["arguments"] = "";
        all.emplace_back();
        put(call);
        for (const std::string& piece : cut(arguments, random)) put({{"function", {{"arguments", piece}}}});
        ++index;
    }
    return all;
}

/// The chunks of a whole answer.
inline std::vector<llmrouter::Chunk> split(nlohmann::json whole, Random& random) {
    struct Waiting {
        Queue queue;
        std::size_t choice;
    };
    const nlohmann::json choices = whole["choices"];
    std::vector<Waiting> waiting;
    std::vector<std::size_t> left;
    for (const nlohmann::json& choice : choices) {
        auto all = queues(choice["message"], random);
        for (Queue& queue : all) waiting.push_back({std::move(queue), left.size()});
        left.push_back(all.size());
    }
    std::deque<nlohmann::json> pieces;
    while (!waiting.empty()) {
        const std::size_t at = below(random, waiting.size());
        auto& [queue, choice] = waiting[at];
        const nlohmann::json& index = choices[choice]["index"];
        pieces.push_back({{"index", index}, {"delta", queue.front()}, {"finish_reason", nullptr}});
        queue.pop_front();
        if (!queue.empty()) continue;
        // A choice ends behind all that belongs to it.
        if (--left[choice] == 0) {
            const nlohmann::json& reason = choices[choice]["finish_reason"];
            pieces.push_back({{"index", index}, {"delta", nlohmann::json::object()}, {"finish_reason", reason}});
        }
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const nlohmann::json usage = whole["usage"];
    whole.erase("usage");
    whole["object"] = "chat.completion.chunk";
    std::vector<llmrouter::Chunk> chunks;
    while (!pieces.empty()) {
        whole["choices"] = nlohmann::json::array();
        for (std::size_t some = std::min(pieces.size(), 1 + below(random, 2)); some > 0; --some) {
            whole["choices"].push_back(pieces.front());
            pieces.pop_front();
        }
        chunks.emplace_back(whole.dump());
    }
    whole["choices"] = nlohmann::json::array();
    if (!usage.is_null()) whole["usage"] = usage;
    chunks.emplace_back(whole.dump());
    return chunks;
}

#endif
