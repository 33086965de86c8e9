/* Streams: what a caller can get wrong, and both forms of opening and reading, to the end, to an error, and left early. */

#include "check.h"

static router_t *router;

static void never_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    (void)user_data, (void)stream, (void)error;
    CHECK(!"a refused opening has a callback");
}

static void misused(void)
{
    say("requests: NULL, empty, bad UTF-8, no JSON, no model, a model nobody serves");
    static const struct {
        const char *text;
        size_t len;
        int32_t code;
    } cases[] = {
        {NULL, 0, ROUTER_ERROR_INVALID_ARGUMENT},
        {NULL, NUL, ROUTER_ERROR_INVALID_ARGUMENT},
        {"", 0, ROUTER_ERROR_INVALID_ARGUMENT},
        {"{\"model\": \"\xff\xfe\"}", NUL, ROUTER_ERROR_INVALID_ARGUMENT},
        {"not json", NUL, ROUTER_ERROR_INVALID_ARGUMENT},
        {ASK("gpt-4"), 20, ROUTER_ERROR_INVALID_ARGUMENT},
        {"{}", NUL, ROUTER_ERROR_BAD_REQUEST},
        {ASK("nobody-serves-this"), NUL, ROUTER_ERROR_BAD_REQUEST},
    };
    router_error_t *error = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(router_completion_stream(router, cases[i].text, cases[i].len, &error) == NULL);
        CHECK_ERROR(error, cases[i].code);
        CHECK(router_completion_stream(router, cases[i].text, cases[i].len, NULL) == NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        CHECK(!router_completion_stream_async(router, cases[i].text, cases[i].len, never_opened, NULL, NULL, &error));
        CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    }

    say("a NULL callback is refused and leaves the stream alone");
    uint64_t call = 0;
    CHECK(!router_completion_stream_async(router, ASK("gpt-4"), NUL, NULL, NULL, &call, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    router_stream_t *stream = router_completion_stream(router, ASK("gpt-4"), NUL, &error);
    CHECK(stream != NULL && error == NULL);
    CHECK(!router_stream_next_async(stream, 1, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(!router_stream_next_async(stream, 1, NULL, NULL, NULL));

    say("no place for chunk, length or error; reads after the end; cancels after the end");
    CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_CHUNK);
    const char *chunk = NULL;
    size_t len = 0;
    int chunks = 1;
    while (router_stream_next(stream, &chunk, &len, &error) == ROUTER_STREAM_CHUNK) {
        CHECK(chunk != NULL && strlen(chunk) == len);
        chunks++;
    }
    CHECK(chunks > 2 && error == NULL && chunk == NULL && len == 0);
    CHECK_INT(router_stream_next(stream, &chunk, &len, &error), ROUTER_STREAM_END);
    router_stream_cancel(stream);
    router_stream_cancel(stream);
    CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_END);
    CHECK(strstr(router_stream_metadata(stream, NULL), "\"usage\":{") != NULL);
    router_stream_free(stream);

    say("freed unread, and freed when cancelled");
    router_stream_free(router_completion_stream(router, ASK("gpt-4"), NUL, NULL));
    stream = router_completion_stream(router, ASK("gpt-4"), NUL, NULL);
    CHECK(stream != NULL);
    router_stream_cancel(stream);
    router_stream_free(stream);
}

/* Adds what the chunks of one read say: pieces of text without escapes. */
static void add_text(char *text, const char *chunks)
{
    static const char content[] = "\"content\":\"";
    for (const char *at = chunks; (at = strstr(at, content)) != NULL;) {
        at += sizeof content - 1;
        strncat(text, at, strcspn(at, "\""));
    }
}

static void broken(void)
{
    say("an error in the middle: the text before it, then the error, and again");
    router_error_t *error = NULL;
    router_stream_t *stream = router_completion_stream(router, ASK("broken"), NUL, &error);
    CHECK(stream != NULL && error == NULL);
    char text[64] = "";
    const char *chunk = NULL;
    int32_t status;
    while ((status = router_stream_next(stream, &chunk, NULL, &error)) == ROUTER_STREAM_CHUNK)
        add_text(text, chunk);
    CHECK(strcmp(text, "Hello there") == 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(status, ROUTER_STREAM_ERROR);
        CHECK(chunk == NULL);
        CHECK_INT(router_error_http_status(error), 529);
        router_error_free(error);
        status = router_stream_next(stream, &chunk, NULL, &error);
    }
    router_error_free(error);
    CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_ERROR);
    router_stream_free(stream);
}

/* One stream, opened and read by callbacks alone: each asks for the next read, the last one frees the stream. */
typedef struct {
    tally_t tally;
    router_stream_t *stream;
    char text[64];
    int reads;
    bool leaves; /* after the first read */
} reader_t;

static void end_reader(reader_t *reader, router_error_t *error)
{
    pthread_mutex_lock(&reader->tally.lock);
    reader->tally.ended++;
    reader->tally.succeeded += error == NULL;
    reader->tally.other += router_error_http_status(error) == 529;
    pthread_cond_broadcast(&reader->tally.changed);
    pthread_mutex_unlock(&reader->tally.lock);
    router_error_free(error);
}

static void on_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    reader_t *reader = user_data;
    CHECK((status == ROUTER_STREAM_CHUNK) == (chunks != NULL));
    CHECK((status == ROUTER_STREAM_ERROR) == (error != NULL));
    router_error_t *blocked = NULL;
    CHECK_INT(router_stream_next(reader->stream, NULL, NULL, &blocked), ROUTER_STREAM_ERROR);
    CHECK_ERROR(blocked, ROUTER_ERROR_IN_CALLBACK);
    if (status == ROUTER_STREAM_CHUNK) {
        CHECK(len == strlen(chunks) && chunks[0] == '[' && chunks[len - 1] == ']');
        add_text(reader->text, chunks);
        reader->reads++;
        if (!reader->leaves) {
            CHECK(router_stream_next_async(reader->stream, 2, on_chunks, reader, NULL));
            return;
        }
    }
    router_stream_free(reader->stream);
    end_reader(reader, error);
}

static void on_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    reader_t *reader = user_data;
    CHECK((stream == NULL) != (error == NULL));
    reader->stream = stream;
    if (stream == NULL)
        end_reader(reader, error);
    else
        CHECK(router_stream_next_async(stream, 2, on_chunks, reader, NULL));
}

static reader_t read_async(const char *request, bool leaves)
{
    reader_t reader = {.tally = TALLY, .leaves = leaves};
    uint64_t call = 0;
    router_error_t *error = NULL;
    CHECK(router_completion_stream_async(router, request, NUL, on_opened, &reader, &call, &error));
    CHECK(call != 0 && error == NULL);
    tally_wait(&reader.tally, 1, 10);
    return reader;
}

static void by_callbacks(void)
{
    say("by callbacks: to the end, to an error, left early, never opened");
    reader_t whole = read_async(ASK("gpt-4"), false);
    CHECK(whole.tally.succeeded == 1 && whole.reads > 1 && strcmp(whole.text, "hello from here") == 0);
    reader_t cut = read_async(ASK("broken"), false);
    CHECK(cut.tally.other == 1 && strcmp(cut.text, "Hello there") == 0);
    reader_t left = read_async(ASK("gpt-4"), true);
    CHECK(left.tally.succeeded == 1 && left.reads == 1);
    reader_t none = read_async(ASK("nobody-serves-this"), false);
    CHECK(none.tally.ended == 1 && none.tally.succeeded == 0 && none.stream == NULL);
}

/* Asks for the next read and frees the stream at once: that read's callback comes too, from the same threads. */
static void on_hasty_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    reader_t *reader = user_data;
    (void)status, (void)chunks, (void)len;
    router_error_free(error);
    if (reader->reads++ == 0) {
        CHECK(router_stream_next_async(reader->stream, 1, on_hasty_chunks, reader, NULL));
        router_stream_free(reader->stream);
    }
    end_reader(reader, NULL);
}

static void on_hasty_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    reader_t *reader = user_data;
    CHECK(error == NULL);
    reader->stream = stream;
    CHECK(router_stream_next_async(stream, 1, on_hasty_chunks, reader, NULL));
}

static void freed_with_a_read_to_come(void)
{
    enum { STREAMS = 100 };
    static reader_t readers[STREAMS];
    say("freed in a callback that has asked for the next read");
    for (int i = 0; i < STREAMS; i++) {
        readers[i] = (reader_t){.tally = TALLY};
        CHECK(router_completion_stream_async(router, ASK("gpt-4"), NUL, on_hasty_opened, &readers[i], NULL, NULL));
    }
    for (int i = 0; i < STREAMS; i++)
        tally_wait(&readers[i].tally, 2, 10);
}

int main(void)
{
    router = router_from("model_list:\n"
                         "  - model_name: gpt-4\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: hello from here}\n"
                         "  - model_name: broken\n"
                         "    litellm_params:\n"
                         "      model: openai/gpt-4\n"
                         "      mock_response: 'Exception: mock_streaming_error, Hello there'\n"
                         "router_settings: {disable_cooldowns: true}\n");
    misused();
    broken();
    by_callbacks();
    freed_with_a_read_to_come();
    CHECK(router_shutdown(router, 5000));
    CHECK(in_flight(router) == 0);
    router_free(router);
    return 0;
}
