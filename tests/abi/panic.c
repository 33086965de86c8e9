/* A panic inside the library fails the call it struck and nothing else. Needs a build with the feature `fault-injection`,
 * in which LLMROUTER_PANIC_AT names the export, or `task`, that panics. */

#include "check.h"

static router_t *router;

/* Between these two the named place panics. */
static void panic_at(const char *place)
{
    CHECK(setenv("LLMROUTER_PANIC_AT", place, 1) == 0);
}

static void calm(void)
{
    CHECK(unsetenv("LLMROUTER_PANIC_AT") == 0);
    check_answers(router, ASK("gpt-4"), "hello");
}

#define STRIKE(place) (panic_at(place), say("  " place))

static void never(void *user_data, router_response_t *response, router_error_t *error)
{
    (void)user_data, (void)response, (void)error;
    CHECK(!"a callback for a call that was not accepted");
}

static void exports_that_make(void)
{
    router_error_t *error = NULL;

    STRIKE("router_new_from_yaml");
    CHECK(router_new_from_yaml("model_list: []", NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_new_from_file");
    CHECK(router_new_from_file("/dev/null", NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_completion");
    CHECK(router_completion(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_HOLDS(router_error_json(error, NULL), "error");
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    CHECK(router_completion(router, ASK("gpt-4"), NUL, NULL) == NULL);
    calm();

    STRIKE("router_completion_async");
    CHECK(!router_completion_async(router, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_embedding");
    CHECK(router_embedding(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_embedding_async");
    CHECK(!router_embedding_async(router, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_request");
    CHECK(router_request(router, "/responses", NUL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_request_async");
    CHECK(!router_request_async(router, "/responses", NUL, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_snapshot");
    CHECK(router_snapshot(router, NULL) == NULL);
    calm();

    STRIKE("router_metrics");
    CHECK(router_metrics(router, NULL) == NULL);
    calm();

    STRIKE("router_explain");
    CHECK(router_explain(router, ASK("gpt-4"), NUL, NULL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    CHECK(router_explain(router, ASK("gpt-4"), NUL, NULL, NULL) == NULL);
    calm();
}

static void never_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    (void)stream;
    never(user_data, NULL, error);
}

static void never_read(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)status, (void)chunks, (void)len;
    never(user_data, NULL, error);
}

static void exports_of_streams(void)
{
    router_error_t *error = NULL;

    STRIKE("router_completion_stream");
    CHECK(router_completion_stream(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_completion_stream_async");
    CHECK(!router_completion_stream_async(router, ASK("gpt-4"), NUL, never_opened, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_request_stream");
    CHECK(router_request_stream(router, "/responses", NUL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    STRIKE("router_request_stream_async");
    CHECK(!router_request_stream_async(router, "/responses", NUL, ASK("gpt-4"), NUL, never_opened, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();

    router_stream_t *stream = router_completion_stream(router, ASK("gpt-4"), NUL, NULL);
    CHECK(stream != NULL);
    STRIKE("router_stream_next");
    CHECK_INT(router_stream_next(stream, NULL, NULL, &error), ROUTER_STREAM_ERROR);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();
    STRIKE("router_stream_next_async");
    CHECK(!router_stream_next_async(stream, 1, never_read, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();
    STRIKE("router_stream_metadata");
    CHECK(router_stream_metadata(stream, NULL) == NULL);
    calm();
    STRIKE("router_stream_cancel");
    router_stream_cancel(stream);
    calm();

    /* It is what it was. */
    while (router_stream_next(stream, NULL, NULL, &error) == ROUTER_STREAM_CHUNK)
        ;
    CHECK(error == NULL);
    CHECK(router_stream_metadata(stream, NULL) != NULL);
    STRIKE("router_stream_free");
    router_stream_free(stream);
    calm();

    STRIKE("task");
    CHECK(router_completion_stream(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    calm();
}

static void exports_that_act(void)
{
    STRIKE("router_set_log_listener");
    CHECK(!router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    calm();

    STRIKE("router_cancel");
    router_cancel(router, 1);
    calm();

    STRIKE("router_shutdown");
    CHECK(!router_shutdown(router, 0));
    CHECK(unsetenv("LLMROUTER_PANIC_AT") == 0);
}

/* What is freed while it panics may be lost, but not the process. */
static void exports_that_free(void)
{
    STRIKE("router_string_free");
    router_string_free(router_snapshot(router, NULL));
    calm();

    STRIKE("router_response_free");
    router_response_free(router_completion(router, ASK("gpt-4"), NUL, NULL));
    calm();

    STRIKE("router_error_free");
    router_error_t *error = NULL;
    CHECK(router_completion(router, "{}", NUL, &error) == NULL);
    router_error_free(error);
    calm();

    STRIKE("router_free");
    router_t *other = router_from("model_list: []");
    router_free(other);
    calm();
}

static void exports_that_read(void)
{
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, NULL);
    CHECK(response != NULL);
    router_error_t *error = NULL;
    CHECK(router_completion(router, "{}", NUL, &error) == NULL);

    STRIKE("router_response_body");
    CHECK(router_response_body(response, NULL) == NULL);
    calm();
    STRIKE("router_response_text");
    CHECK(router_response_text(response, NULL) == NULL);
    calm();
    STRIKE("router_response_metadata");
    CHECK(router_response_metadata(response, NULL) == NULL);
    calm();
    STRIKE("router_error_code");
    CHECK(router_error_code(error) == 0);
    calm();
    STRIKE("router_error_name");
    CHECK(router_error_name(429) != NULL);
    calm();
    STRIKE("router_error_http_status");
    CHECK(router_error_http_status(error) == 0);
    calm();
    STRIKE("router_error_is_retryable");
    CHECK(router_error_is_retryable(error) == false);
    calm();
    STRIKE("router_error_retry_after_ms");
    CHECK(router_error_retry_after_ms(error) == -1);
    calm();
    STRIKE("router_error_message");
    CHECK(router_error_message(error) == NULL);
    calm();
    STRIKE("router_error_json");
    CHECK(router_error_json(error, NULL) == NULL);
    calm();
    STRIKE("router_abi_version");
    CHECK(router_abi_version() == 0);
    calm();
    STRIKE("router_version");
    CHECK(router_version() != NULL);
    calm();

    /* They are what they were. */
    CHECK(strcmp(router_response_text(response, NULL), "hello") == 0);
    CHECK(member_is(router_response_metadata(response, NULL), "model_group", "gpt-4"));
    CHECK(router_error_message(error) != NULL);
    router_response_free(response);
    router_error_free(error);
}

static void tasks(void)
{
    enum { CALLS = 100 };
    static tally_t tally = TALLY;

    STRIKE("task");
    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INTERNAL);
    for (int i = 0; i < CALLS; i++)
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, CALLS, 30);
    CHECK_INT(tally.internal, CALLS);
    calm();
    CHECK(in_flight(router) == 0);
}

int main(void)
{
    router = router_from("model_list:\n"
                         "  - model_name: gpt-4\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: hello}\n");

    /* Without the feature nothing would panic, and this test would prove nothing. */
    panic_at("router_snapshot");
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot == NULL);
    calm();

    say("a panic at each export:");
    exports_that_make();
    exports_that_free();
    exports_that_read();
    exports_of_streams();
    say("a panic in a task:");
    tasks();
    say("a panic at each export that ends something:");
    exports_that_act();
    router_free(router);
    return 0;
}
