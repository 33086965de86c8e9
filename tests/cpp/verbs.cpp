// Verbs other than chat: embeddings, files in, sound out, streams. What all languages share is in cases.json.

#include <future>
#include <llmrouter.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "check.hpp"
#include "provider.hpp"

#if defined(__cpp_impl_coroutine)
#include "awaiting.hpp"
#endif

using llmrouter::AsyncStream;
using llmrouter::Call;
using llmrouter::Chunk;
using llmrouter::Router;
using llmrouter::VerbRequest;
using nlohmann::json;

using Vectors = std::vector<std::vector<double>>;

static const std::string asked = R"({"model": "g", "input": "p", "prompt": "p"})";

static Router mock(const std::string& says) { return Router::from_yaml(mock_config(0, says)); }

/// A deployment whose answer to everything is this.
class Remote {
public:
    explicit Remote(const json& reply) { provider_.script(json{{"paths", {{"/", {reply}}}}}.dump()); }
    Router router() const {
        return Router::from_yaml("model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, api_key: none, " +
                                 ("api_base: \"" + provider_.url()) + "/v1\"}\n    model_info: {id: one}\n");
    }

private:
    Provider provider_;
};

static std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(static_cast<unsigned char>(byte));
    return bytes;
}

TEST("a request of any verb is OpenAI's") {
    const std::vector<std::vector<int>> tokens{{1}, {2, 3}};
    const auto request = VerbRequest()
                             .model("g")
                             .set("input", std::vector<std::string>{"a\"", "b"})
                             .set("tokens", tokens)
                             .set("none", std::vector<double>{})
                             .set("flags", std::vector<bool>{true, false})
                             .set("n", 2)
                             .file("file", {"a.wav", "audio/wav", std::string_view("RI\0F", 4)})
                             .files("image", {{"", "", "x"}, {"b", "", ""}});
    CHECK_SAME(json::parse(request.json()), json::parse(R"({
        "model": "g", "input": ["a\"", "b"], "tokens": [[1], [2, 3]], "none": [], "flags": [true, false], "n": 2,
        "file": {"filename": "a.wav", "content_type": "audio/wav", "data": "UkkARg=="},
        "image": [{"data": "eA=="}, {"filename": "b", "data": ""}]})"));
    CHECK_SAME(VerbRequest().json(), "{}");
    CHECK_SAME(llmrouter::ChatRequest().set("stop", std::vector<std::string>{"."}).json(),
               R"({"stop":["."],"messages":[]})");
}

TEST("Base64 gives back what went in, whatever its length") {
    const std::string all = every_byte();
    for (std::size_t length = 0; length < all.size(); ++length) {
        const std::string bytes = all.substr(all.size() - length);
        const std::string text = llmrouter::detail::base64(bytes);
        CHECK_SAME(text.size(), (length + 2) / 3 * 4);
        CHECK(llmrouter::detail::from_base64(text) == bytes);
    }
    CHECK_SAME(llmrouter::detail::base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    CHECK(!llmrouter::detail::from_base64("YW5?"));
}

TEST("embeddings are numbers, however they come") {
    const Router router = mock("[0.5, -1]");
    const auto plain = router.embedding(VerbRequest().model("g").set("input", std::vector<std::string>{"a", "b"}));
    CHECK(plain.vectors() == (Vectors{{0.5, -1}, {0.5, -1}}));
    CHECK(!plain.has_text());
    CHECK_SAME(plain.usage().value().prompt_tokens, 10);
    const auto packed =
        router.embedding(VerbRequest().model("g").set("input", "a").set("encoding_format", "base64"));
    CHECK_SAME(packed.body<json>()["data"][0]["embedding"], "AAAAPwAAgL8=");
    CHECK(packed.vectors() == (Vectors{{0.5, -1}}));
    CHECK(router.completion(hi).vectors().empty());
    for (const char* bad : {"AAA=", "?", ""}) {
        const Remote remote(json{{"json", {{"data", {{{"index", 0}, {"embedding", bad}}}}}}});
        const auto answer = remote.router().embedding(asked);
        CHECK_THROWS(llmrouter::APIResponseValidationError, answer.vectors());
    }
}

TEST("every form of the asynchronous calls") {
    const Router router = mock("said");
    static_assert(std::is_same_v<decltype(router.embedding_async(asked)), Call<llmrouter::Response>>);
    CHECK_SAME(router.request_async("/responses", asked).get().text(), "said");
    CHECK_SAME(router.embedding_async(asked).get().metadata().deployment, "one");
    std::string heard;
    Call<void> call = router.request_async("/completions", asked, [&heard](llmrouter::Outcome outcome) {
        heard = outcome.value().text();
    });
    call.get();
    CHECK_SAME(heard, "said");
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.request_async("/files", asked).get());
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.request_async("/files", asked, [](const llmrouter::Outcome&) {}));
#if defined(__cpp_lib_expected)
    CHECK_SAME(router.try_request("/responses", asked).value().text(), "said");
    CHECK(router.try_request("", asked).error().error_class() == llmrouter::ErrorClass::invalid_argument);
    CHECK_SAME(router.try_embedding(asked).value().metadata().deployment, "one");
    CHECK(router.try_embedding("{").error().error_class() == llmrouter::ErrorClass::invalid_argument);
#endif
}

TEST("sound comes as bytes, every one of them") {
    const std::string sound = every_byte();
    const Remote remote(
        json{{"base64", llmrouter::detail::base64(sound)}, {"headers", {{"content-type", "audio/mpeg"}}}});
    const auto answer = remote.router().request("/audio/speech", asked);
    CHECK(answer.body() == sound);
    CHECK_SAME(answer.content_type(), "audio/mpeg");
    CHECK_SAME(answer.metadata().content_type.value(), "audio/mpeg");
    CHECK(!answer.has_text() && !answer.usage() && answer.vectors().empty());
}

TEST("usage under other names") {
    const auto answer = mock("said").request("/responses", asked);
    CHECK_SAME(answer.usage().value().prompt_tokens, 10);
    CHECK_SAME(answer.metadata().usage.value().completion_tokens, 20);
    CHECK_SAME(answer.metadata().usage.value().total_tokens, 30);
    CHECK(!answer.metadata().content_type);
}

TEST("streams of responses and of text completions") {
    const Router router = mock("\"Grüße, world\"");
    llmrouter::Stream stream = router.request_stream("/responses", asked);
    std::vector<std::string> types;
    for (const auto& event : stream) types.push_back(event.type());
    CHECK_SAME(stream.text(), "Grüße, world");
    CHECK_SAME(types.front(), "response.created");
    CHECK_SAME(types.back(), "response.completed");
    CHECK_SAME(stream.metadata().usage.value().prompt_tokens, 10);

    std::string text;
    for (const auto& chunk : router.request_stream("v1/completions", VerbRequest().model("g").set("prompt", "p"))) {
        text += chunk.json<json>()["choices"].empty() ? "" : chunk.text();
        CHECK_SAME(chunk.type(), "");
    }
    CHECK_SAME(text, "Grüße, world");

    const Router broken = mock("'Exception: mock_streaming_error, Hello'");
    for (const char* path : {"/responses", "/completions"}) {
        llmrouter::Stream half = broken.request_stream(path, asked);
        CHECK_THROWS(llmrouter::InternalServerError, [&] { while (half.next()) {} }());
        CHECK_SAME(half.text(), "Hello");
    }
}

/// Reads to the end; the text of the chunks.
static std::string drain(AsyncStream stream) {
    std::string text;
    for (auto chunks = stream.read_async().get(); !chunks.empty(); chunks = stream.read_async().get()) {
        for (const Chunk& chunk : chunks) text += chunk.text();
    }
    CHECK_SAME(stream.text(), text);
    return text;
}

#if defined(__cpp_impl_coroutine)
static Waited collect(const Router& router, const char* path, std::string& text, std::stop_token stop) {
    AsyncStream stream = co_await router.request_stream_task(path, asked, std::move(stop));
    while (const auto chunk = co_await stream.next()) text += chunk->text();
}
#endif

TEST("streams that no thread waits for, in every form") {
    const Router router = mock("\"Grüße, world\"");
    for (const char* path : {"/responses", "/completions"}) {
        static_assert(std::is_same_v<decltype(router.request_stream_async(path, asked)), Call<AsyncStream>>);
        CHECK_SAME(drain(router.request_stream_async(path, asked).get()), "Grüße, world");
        std::promise<AsyncStream> opened;
        router.request_stream_async(path, asked, [&opened](llmrouter::StreamOutcome outcome) {
            opened.set_value(std::move(outcome).value());
        }).get();
        CHECK_SAME(drain(opened.get_future().get()), "Grüße, world");
#if defined(__cpp_impl_coroutine)
        std::string text;
        collect(router, path, text, {}).done.get();
        CHECK_SAME(text, "Grüße, world");
        std::stop_source stop;
        stop.request_stop();
        CHECK_THROWS(llmrouter::CancelledError, collect(router, path, text, stop.get_token()).done.get());
        CHECK_THROWS(llmrouter::CancelledError, router.request_stream_async(path, asked, stop.get_token()).get());
#endif
#if defined(__cpp_lib_expected)
        llmrouter::Stream stream = router.try_request_stream(path, asked).value();
        while (stream.try_next().value()) {}
        CHECK_SAME(stream.text(), "Grüße, world");
#endif
    }
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.request_stream_async("/files", asked).get());
    CHECK_THROWS(llmrouter::BadRequestError, router.request_stream_async("/embeddings", asked).get());
#if defined(__cpp_lib_expected)
    CHECK_SAME(router.try_request_stream("/embeddings", asked).error().param().value(), "stream");
#endif
}

TEST("a chat is not put together from other verbs") {
    const Router router = mock("said");
    const std::string nothing = llmrouter::Accumulator().body();
    for (const char* path : {"/responses", "/completions"}) {
        json with_usage = json::parse(asked);
        if (path == std::string("/completions")) with_usage["stream_options"] = {{"include_usage", true}};
        llmrouter::Stream stream = router.request_stream(path, with_usage);
        CHECK_SAME(llmrouter::Accumulator(stream).body(), nothing);
        CHECK_SAME(stream.text(), "said");
    }
    llmrouter::Accumulator chat(router.stream(hi));
    const std::string whole = chat.body();
    CHECK_SAME(chat.text(), "said");
    for (const auto& chunk : router.request_stream("/completions", asked)) chat.add(chunk);
    chat.add(Chunk(R"({"choices": [{"index": 0, "text": "x", "finish_reason": "length"}], "usage": {}})"));
    CHECK_SAME(chat.body(), whole);
}

TEST("what is no request of a verb is refused") {
    Router router = mock("said");
    for (const char* path : {"", "/files", "/responses/"}) {
        CHECK_THROWS(llmrouter::InvalidArgumentError, router.request(path, asked));
        CHECK_THROWS(llmrouter::InvalidArgumentError, router.request_stream(path, asked));
    }
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.request(std::string_view(), asked));
    CHECK_THROWS(llmrouter::InvalidArgumentError, router.request("/responses", "{"));
    try {
        static_cast<void>(router.request_stream("/embeddings", asked));
        CHECK(false);
    } catch (const llmrouter::BadRequestError& error) {
        CHECK_SAME(error.param().value(), "stream");
    }
    router.close();
    CHECK_THROWS(llmrouter::ShutDownError, router.embedding(asked));
    CHECK_THROWS(llmrouter::ShutDownError, router.request("/responses", asked));
    CHECK_THROWS(llmrouter::ShutDownError, router.request_stream("/responses", asked));
    CHECK_THROWS(llmrouter::ShutDownError, router.embedding_async(asked).get());
    CHECK_THROWS(llmrouter::ShutDownError, router.request_stream_async("/responses", asked).get());
}

int main() { return check::run(); }
