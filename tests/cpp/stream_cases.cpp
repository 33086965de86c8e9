// Every row of tests/bindings/streams.json on each wire, read in each way that C++ has.

#include <chrono>
#include <cstddef>
#include <fstream>
#include <functional>
#include <llmrouter.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "check.hpp"
#include "expect.hpp"
#include "provider.hpp"

using llmrouter::Chunk;
using llmrouter::Router;
using llmrouter::Stream;
using nlohmann::json;

/// Hands out each chunk, and throws what the stream throws.
using Way = std::function<void(Stream&, const std::function<void(const Chunk&)>&)>;

static const std::vector<std::pair<std::string, Way>> ways{
    {"range-for",
     [](Stream& stream, const auto& take) {
         for (const auto& chunk : stream) take(chunk);
     }},
    {"next",
     [](Stream& stream, const auto& take) {
         while (const std::optional<Chunk> chunk = stream.next()) take(*chunk);
     }},
};

/// One row on one wire, read in one way.
struct Run {
    const json& table;
    const json& row;
    const json& wire;
    const std::string& provider;
    const Way& way;

    /// The text with the wire's parts, and the provider's address, in their places.
    std::string filled(std::string text) const {
        for (const auto& [name, part] : wire.items()) text = replaced(text, "{{" + name + "}}", part);
        return replaced(text, "{{provider}}", provider);
    }
    /// The same within the texts of a JSON document.
    json filled_within(json value) const {
        if (value.is_string()) return filled(value);
        for (json& one : value) {
            if (value.is_structured()) one = filled_within(one);
        }
        return value;
    }
    Router router(const char* config) const { return Router::from_yaml(filled(table[config])); }
    Stream open(const Router& router) const { return router.stream(table["request"].dump()); }
    json error() const {
        json error = row["error"];
        error.update({{"provider", wire["wire"]}, {"deployment", "first"}, {"attempts", 1}});
        return error;
    }
};

/// Whether it was thrown as the class that its name says.
template <class Class>
static bool is_a(const llmrouter::Error& error) {
    return dynamic_cast<const Class*>(&error) != nullptr;
}
static const std::map<std::string, bool (*)(const llmrouter::Error&)> classes{
    {"APIConnectionError", is_a<llmrouter::APIConnectionError>},
    {"APIResponseValidationError", is_a<llmrouter::APIResponseValidationError>},
    {"InternalServerError", is_a<llmrouter::InternalServerError>},
    {"RateLimitError", is_a<llmrouter::RateLimitError>},
    {"StreamTruncatedError", is_a<llmrouter::StreamTruncatedError>},
    {"Timeout", is_a<llmrouter::Timeout>},
};

/// What `read` throws has to be the row's error.
template <class Read>
static void check_throws(const Run& run, Read read) {
    const json expected = run.error();
    bool thrown = false;
    try {
        read();
    } catch (const llmrouter::Error& error) {
        thrown = true;
        check_error(error, expected);
        CHECK(classes.at(expected["class"])(error));
    }
    CHECK(thrown);
}

/// The text, piece by piece.
static json pieces_of(const std::vector<Chunk>& chunks) {
    json pieces = json::array();
    for (const Chunk& chunk : chunks) {
        if (!chunk.text().empty()) pieces.push_back(chunk.text());
    }
    return pieces;
}

/// Who was tried, and how each ended.
static json tried(const llmrouter::Metadata& metadata) {
    json tried = json::array();
    for (const auto& attempt : metadata.attempts) {
        tried.push_back({optional_json(attempt.deployment), optional_json(attempt.error)});
    }
    return tried;
}

/// One clean stream of one deployment, with nothing else in it.
static void check_whole(const Run& run, Stream& stream, const char* pieces, const std::string& from) {
    std::vector<Chunk> chunks;
    run.way(stream, [&](const Chunk& chunk) { chunks.push_back(chunk); });
    CHECK_SAME(pieces_of(chunks), run.table[pieces]);
    const std::string id = chunks.at(0).json<json>()["id"];
    CHECK(id.find(from) != std::string::npos);
    int roles = 0, ends = 0;
    for (const Chunk& chunk : chunks) {
        const json read = chunk.json<json>();
        CHECK_SAME(read["id"], id);
        for (const json& choice : read["choices"]) roles += choice["delta"].contains("role") ? 1 : 0;
        ends += chunk.finish_reason() ? 1 : 0;
    }
    CHECK_SAME(roles, 1);
    CHECK(ends <= 1);
    CHECK(!stream.next());
}

static void fails_before(const Run& run) {
    const Router alone = run.router("alone"), beside = run.router("beside");
    check_throws(run, [&] { run.open(alone); });

    Stream stream = run.open(beside);
    check_whole(run, stream, "clean", "second");
    const llmrouter::Metadata metadata = stream.metadata();
    CHECK_SAME(tried(metadata), json::array({{"first", run.row["error"]["class"]}, {"second", nullptr}}));
    CHECK_SAME(metadata.deployment, "second");
    CHECK_SAME(metadata.provider, run.wire["other"].get<std::string>());
    CHECK_SAME(metadata.fallbacks, 0);
    CHECK_SAME(metadata.usage.value().total_tokens, 30);
    CHECK(!metadata.usage_estimated);
}

static void fails_after(const Run& run) {
    const Router router = run.router("beside");
    Stream stream = run.open(router);
    std::vector<Chunk> chunks;
    check_throws(run, [&] { run.way(stream, [&](const Chunk& chunk) { chunks.push_back(chunk); }); });
    CHECK_SAME(pieces_of(chunks), run.table["begun"]);
    std::string text;
    for (const json& piece : run.table["begun"]) text += piece.get<std::string>();
    CHECK_SAME(stream.text(), text);
    const std::size_t came = chunks.size();
    check_throws(run, [&] { run.way(stream, [&](const Chunk& chunk) { chunks.push_back(chunk); }); });
    CHECK_SAME(chunks.size(), came);
    const llmrouter::Metadata metadata = stream.metadata();
    CHECK_SAME(tried(metadata), json::array({json::array({"first", run.row["error"]["class"]})}));
    CHECK(metadata.usage && metadata.usage_estimated);
}

static void succeeds(const Run& run) {
    const Router router = run.router("beside");
    Stream stream = run.open(router);
    check_whole(run, stream, "begun", "first");
    CHECK_SAME(tried(stream.metadata()), json::array({json::array({"first", nullptr})}));
    CHECK(stream.metadata().usage);
}

int main() {
    const Provider provider;
    std::ifstream file("tests/bindings/streams.json");
    const json table = json::parse(file);
    static const std::set<std::string> known{"name", "reply", "error"};

    const std::vector<std::pair<std::string, void (*)(const Run&)>> parts{
        {"before", fails_before}, {"after", fails_after}, {"whole", succeeds}};
    for (const auto& part : parts) {
        for (const json& row : table.at(part.first)) {
            for (const auto& [name, value] : row.items()) check::same(known.count(name), 1U, name.c_str(), __LINE__);
            for (const json& wire : table.at("wires")) {
                const std::string name = part.first + ": " + row["name"].get<std::string>() + ", " +
                                         wire["wire"].get<std::string>();
                check::tests().emplace_back(name, [&, check = part.second] {
                    for (const auto& [way_name, way] : ways) {
                        const Run run{table, row, wire, provider.url(), way};
                        provider.script(json{{"paths", {{"/first", {run.filled_within(row["reply"])}}}}}.dump());
                        const auto start = check::Clock::now();
                        try {
                            check(run);
                        } catch (const std::exception& error) {
                            throw std::runtime_error(way_name + ": " + error.what());
                        }
                        const std::chrono::duration<double, std::milli> took = check::Clock::now() - start;
                        CHECK(took.count() < table.at("within_ms").get<double>());
                    }
                });
            }
        }
    }
    return check::run();
}
