/* The functions beside chat: what a caller can get wrong with paths and lengths, bytes with NULs in them, callbacks that come
 * once, calls from within one, and what is left when the router shuts down. */

#include "check.h"

static router_t *router;

#define EMBED(group) "{\"model\": \"" group "\", \"input\": \"hi\"}"
#define SPEAK(group) "{\"model\": \"" group "\", \"input\": \"hi\", \"voice\": \"alloy\"}"
#define HEAR(group) \
    "{\"model\": \"" group "\", \"file\": {\"filename\": \"a.wav\", \"content_type\": \"audio/wav\", \"data\": \"UklGRg==\"}}"

static void never(void *user_data, router_response_t *response, router_error_t *error)
{
    (void)user_data, (void)response, (void)error;
    CHECK(!"a callback for a call that was not accepted");
}

static void never_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    (void)stream;
    never(user_data, NULL, error);
}

/* Every function with a path refuses these arguments before anything is sent, with and without a place for the error. */
static void refused(const router_t *by, const char *path, size_t path_len, const char *request, size_t len, int32_t code)
{
    router_error_t *error = NULL;
    uint64_t call = 0;
    CHECK(router_request(by, path, path_len, request, len, &error) == NULL);
    CHECK_ERROR(error, code);
    CHECK(router_request(by, path, path_len, request, len, NULL) == NULL);
    CHECK(!router_request_async(by, path, path_len, request, len, never, NULL, &call, &error));
    CHECK_ERROR(error, code);
    CHECK(!router_request_async(by, path, path_len, request, len, never, NULL, NULL, NULL));
    CHECK(router_request_stream(by, path, path_len, request, len, &error) == NULL);
    CHECK_ERROR(error, code);
    CHECK(router_request_stream(by, path, path_len, request, len, NULL) == NULL);
    CHECK(!router_request_stream_async(by, path, path_len, request, len, never_opened, NULL, &call, &error));
    CHECK_ERROR(error, code);
    CHECK(!router_request_stream_async(by, path, path_len, request, len, never_opened, NULL, NULL, NULL));
    CHECK(call == 0);
}

static void embedding_refused(const router_t *by, const char *request, size_t len, int32_t code)
{
    router_error_t *error = NULL;
    CHECK(router_embedding(by, request, len, &error) == NULL);
    CHECK_ERROR(error, code);
    CHECK(router_embedding(by, request, len, NULL) == NULL);
    CHECK(!router_embedding_async(by, request, len, never, NULL, NULL, &error));
    CHECK_ERROR(error, code);
    CHECK(!router_embedding_async(by, request, len, never, NULL, NULL, NULL));
}

static void misused(void)
{
    enum { INVALID = ROUTER_ERROR_INVALID_ARGUMENT };
    static const char request[] = "{\"model\": \"mock\", \"input\": \"hi\"}";

    say("handles: NULL");
    refused(NULL, "/responses", NUL, request, NUL, INVALID);
    embedding_refused(NULL, request, NUL, INVALID);

    say("paths: NULL, empty, of nothing, bad UTF-8, with a NUL, of an impossible length, cut short");
    static const struct {
        const char *path;
        size_t len;
    } paths[] = {
        {NULL, 0}, {NULL, 5}, {NULL, NUL}, {"", 0}, {"", NUL}, {"/", NUL}, {"/nothing", NUL}, {"/\xff\xfe", NUL},
        {"/responses\0", 11}, {"/responses", SIZE_MAX / 2 + 1}, {"/responses", SIZE_MAX - 1}, {"/responses", 9},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        refused(router, paths[i].path, paths[i].len, request, NUL, INVALID);

    say("requests: NULL, empty, bad UTF-8, no JSON, JSON that is no object, of an impossible length, cut short");
    static const struct {
        const char *text;
        size_t len;
    } requests[] = {
        {NULL, 0}, {NULL, NUL}, {"", 0}, {"", NUL}, {"{\"model\": \"\xff\"}", NUL}, {"not json", NUL}, {"[1, 2]", NUL},
        {"null", NUL}, {request, SIZE_MAX / 2 + 1}, {request, 20},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        refused(router, "/responses", NUL, requests[i].text, requests[i].len, INVALID);
        embedding_refused(router, requests[i].text, requests[i].len, INVALID);
    }

    say("requests: no model is told as the parameter that it is");
    refused(router, "/responses", NUL, "{\"input\": \"hi\"}", NUL, ROUTER_ERROR_BAD_REQUEST);
    embedding_refused(router, "{\"input\": \"hi\"}", NUL, ROUTER_ERROR_BAD_REQUEST);

    say("callbacks: NULL");
    router_error_t *error = NULL;
    CHECK(!router_embedding_async(router, request, NUL, NULL, NULL, NULL, &error));
    CHECK_ERROR(error, INVALID);
    CHECK(!router_request_async(router, "/responses", NUL, request, NUL, NULL, NULL, NULL, &error));
    CHECK_ERROR(error, INVALID);
    CHECK(!router_request_stream_async(router, "/responses", NUL, request, NUL, NULL, NULL, NULL, &error));
    CHECK_ERROR(error, INVALID);

    say("streams: of a verb that has none");
    CHECK(router_request_stream(router, "/embeddings", NUL, request, NUL, &error) == NULL);
    CHECK_HOLDS(router_error_message(error), "/embeddings can't be streamed");
    CHECK_ERROR(error, ROUTER_ERROR_BAD_REQUEST);
    CHECK(in_flight(router) == 0);
}

static router_response_t *ask(const char *path, const char *request)
{
    router_error_t *error = NULL;
    router_response_t *response = router_request(router, path, NUL, request, NUL, &error);
    if (response == NULL) {
        fprintf(stderr, "%s failed: %s\n", path, error ? router_error_json(error, NULL) : "no error");
        _exit(1);
    }
    CHECK(error == NULL);
    return response;
}

static void answers(void)
{
    say("the lengths count, not the NULs");
    static const char path[] = "/embeddings and more", request[] = EMBED("east") "garbage behind the end";
    router_response_t *response =
        router_request(router, path, strlen("/embeddings"), request, sizeof EMBED("east") - 1, NULL);
    CHECK(response != NULL);
    CHECK_HOLDS(router_response_body(response, NULL), "\"embedding\":[0.5,");
    size_t len = 7;
    CHECK(router_response_text(response, &len) == NULL);
    CHECK(member(router_response_metadata(response, NULL), "content_type") == NULL);
    router_response_free(response);

    response = router_embedding(router, EMBED("east"), NUL, NULL);
    CHECK(response != NULL);
    CHECK(member_number(router_response_metadata(response, NULL), "total_tokens") == 10);
    router_response_free(response);

    say("speech: bytes with NULs among them, and one more behind the last");
    response = ask("/audio/speech", SPEAK("east"));
    const char *body = router_response_body(response, &len);
    static const char sound[] = "ID3\x04\0\xff\xfbhello from east\0";
    CHECK_INT(len, sizeof sound - 1);
    CHECK(memcmp(body, sound, sizeof sound) == 0);
    CHECK(router_response_body(response, NULL) == body);
    CHECK(router_response_text(response, NULL) == NULL);
    CHECK(member_is(router_response_metadata(response, NULL), "content_type", "audio/mpeg"));
    router_response_free(response);

    say("transcripts: the file goes out, the text comes back");
    response = ask("audio/transcriptions", HEAR("east"));
    CHECK(strcmp(router_response_text(response, NULL), "hello from east") == 0);
    router_response_free(response);
}

/* Each call's callback comes once, whatever its verb, and whether it is cancelled. */
static void exactly_once(void)
{
    enum { CALLS = 3000 };
    static const struct {
        const char *path, *request;
    } asked[] = {
        {NULL, EMBED("mock")},
        {"/embeddings", EMBED("mock")},
        {"/responses", EMBED("mock")},
        {"/audio/speech", SPEAK("mock")},
        {"/audio/transcriptions", HEAR("mock")},
        {"/audio/speech", SPEAK("slow")},
    };
    enum { KINDS = sizeof asked / sizeof *asked };
    static tally_t tally = TALLY;
    printf("exactly once: %d calls, those that are slow cancelled\n", CALLS);
    for (int i = 0; i < CALLS; i++) {
        const char *path = asked[i % KINDS].path, *request = asked[i % KINDS].request;
        uint64_t call = 0;
        bool accepted = path == NULL
                            ? router_embedding_async(router, request, NUL, tally_done, &tally, &call, NULL)
                            : router_request_async(router, path, NUL, request, NUL, tally_done, &tally, &call, NULL);
        CHECK(accepted && call != 0);
        if (i % KINDS == KINDS - 1)
            router_cancel(router, call);
    }
    tally_wait(&tally, CALLS, 30);
    sleep_ms(20); /* time for a callback too many */
    CHECK_INT(tally.ended, CALLS);
    CHECK_INT(tally.cancelled, CALLS / KINDS);
    CHECK_INT(tally.succeeded, CALLS - CALLS / KINDS);
}

static tally_t inner = TALLY;

static void inner_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    CHECK(stream != NULL && error == NULL);
    router_stream_free(stream);
    tally_t *tally = user_data;
    pthread_mutex_lock(&tally->lock);
    tally->ended++;
    tally->succeeded++;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

/* In a callback: what blocks fails at once; starting works. */
static void inside(void *user_data, router_response_t *response, router_error_t *error)
{
    router_error_t *refusal = NULL;
    CHECK(error == NULL);
    CHECK(router_embedding(router, EMBED("mock"), NUL, &refusal) == NULL);
    CHECK_ERROR(refusal, ROUTER_ERROR_IN_CALLBACK);
    CHECK(router_request(router, "/responses", NUL, EMBED("mock"), NUL, &refusal) == NULL);
    CHECK_ERROR(refusal, ROUTER_ERROR_IN_CALLBACK);
    CHECK(router_request_stream(router, "/responses", NUL, EMBED("mock"), NUL, &refusal) == NULL);
    CHECK_ERROR(refusal, ROUTER_ERROR_IN_CALLBACK);

    CHECK(router_embedding_async(router, EMBED("mock"), NUL, tally_done, &inner, NULL, NULL));
    CHECK(router_request_async(router, "/responses", NUL, EMBED("mock"), NUL, tally_done, &inner, NULL, NULL));
    CHECK(router_request_stream_async(router, "/responses", NUL, EMBED("mock"), NUL, inner_opened, &inner, NULL, NULL));
    tally_add(user_data, response, NULL);
}

static void streamed(void)
{
    say("streams: events to the end, and the usage then");
    router_error_t *error = NULL;
    router_stream_t *stream = router_request_stream(router, "/responses", NUL, EMBED("east"), NUL, &error);
    CHECK(stream != NULL && error == NULL);
    const char *chunk = NULL;
    size_t len = 0;
    int events = 0;
    while (router_stream_next(stream, &chunk, &len, &error) == ROUTER_STREAM_CHUNK) {
        CHECK(strlen(chunk) == len);
        if (events++ == 0)
            CHECK(member_is(chunk, "type", "response.created"));
    }
    CHECK(error == NULL && events > 6);
    CHECK(member_number(router_stream_metadata(stream, NULL), "total_tokens") == 30);
    router_stream_free(stream);
}

/* `own` has shut down: nothing is accepted any more, and what it gave before can still be read. */
static void after_shutdown(const char *base)
{
    say("after shutdown");
    router_t *own = router_from("model_list: [{model_name: east, litellm_params: {model: openai/x, api_key: sk-x, api_base: '%s/east/v1'}}]", base);
    router_response_t *sound = router_request(own, "/audio/speech", NUL, SPEAK("east"), NUL, NULL);
    CHECK(sound != NULL);
    CHECK(router_shutdown(own, 5000));
    refused(own, "/responses", NUL, EMBED("east"), NUL, ROUTER_ERROR_SHUT_DOWN);
    embedding_refused(own, EMBED("east"), NUL, ROUTER_ERROR_SHUT_DOWN);
    router_free(own);
    size_t len = 0;
    CHECK(memcmp(router_response_body(sound, &len), "ID3", 3) == 0 && len > 20);
    router_response_free(sound);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    router = router_from("model_list:\n"
                         "  - model_name: mock\n"
                         "    litellm_params: {model: openai/x, mock_response: hello}\n"
                         "  - model_name: slow\n"
                         "    litellm_params: {model: openai/x, mock_response: late, mock_delay_ms: 60000}\n"
                         "  - model_name: east\n"
                         "    litellm_params: {model: openai/x, api_key: sk-x, api_base: '%s/east/v1'}\n",
                         arguments[1]);
    misused();
    answers();
    exactly_once();

    say("inside a callback: blocking functions fail, starting works");
    tally_t outer = TALLY;
    CHECK(router_request_async(router, "/embeddings", NUL, EMBED("mock"), NUL, inside, &outer, NULL, NULL));
    tally_wait(&outer, 1, 10);
    tally_wait(&inner, 3, 10);
    CHECK_INT(inner.succeeded, 3);

    streamed();
    after_shutdown(arguments[1]);
    CHECK(router_shutdown(router, 5000));
    CHECK(in_flight(router) == 0);
    router_free(router);
    return 0;
}
