/* What a caller can get wrong, each a clean error: nothing crashes, nothing leaks, nothing is sent. */

#include "check.h"

static router_t *router;

/* One blocking and one asynchronous call that must fail before anything is sent. */
static void refused(const char *request, size_t len, int32_t code)
{
    router_error_t *error = NULL;
    CHECK(router_completion(router, request, len, &error) == NULL);
    CHECK_ERROR(error, code);
    CHECK(router_completion(router, request, len, NULL) == NULL);
}

/* A plan for it is refused alike. */
static void not_explained(const char *request, size_t len, int32_t code)
{
    router_error_t *error = NULL;
    size_t plan_len = 0;
    CHECK(router_explain(router, request, len, &plan_len, &error) == NULL);
    CHECK_ERROR(error, code);
    CHECK(router_explain(router, request, len, NULL, NULL) == NULL);
}

/* The asynchronous form may refuse at once or accept and end with the error: once, either way. */
static void refused_async(const char *request, size_t len, int32_t code);

/* Callbacks of calls that are refused. */
static void never_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    (void)user_data, (void)stream, (void)error;
    CHECK(!"a refused opening has a callback");
}

static void never_read(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)user_data, (void)status, (void)chunks, (void)len, (void)error;
    CHECK(!"a refused read has a callback");
}

static void null_handles(void)
{
    say("NULL for every handle");
    router_error_t *error = NULL;
    size_t len = 1;
    uint64_t call = 1;
    CHECK(router_completion(NULL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(!router_completion_async(NULL, ASK("gpt-4"), NUL, tally_done, NULL, &call, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(router_explain(NULL, ASK("gpt-4"), NUL, &len, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(router_explain(NULL, NULL, 0, NULL, NULL) == NULL);
    CHECK(router_snapshot(NULL, &len) == NULL);
    CHECK(router_metrics(NULL, &len) == NULL);
    CHECK(router_completion_stream(NULL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(!router_completion_stream_async(NULL, ASK("gpt-4"), NUL, never_opened, NULL, &call, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    const char *chunk = "left from before";
    CHECK_INT(router_stream_next(NULL, &chunk, &len, &error), ROUTER_STREAM_ERROR);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(chunk == NULL && len == 0);
    CHECK_INT(router_stream_next(NULL, NULL, NULL, NULL), ROUTER_STREAM_ERROR);
    CHECK(!router_stream_next_async(NULL, 1, never_read, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    router_stream_cancel(NULL);
    router_shutdown(NULL, 0);
    router_cancel(NULL, 1);

    say("freeing NULL");
    router_free(NULL);
    router_string_free(NULL);
    router_response_free(NULL);
    router_stream_free(NULL);
    router_error_free(NULL);

    say("reading NULL");
    CHECK(router_response_body(NULL, &len) == NULL);
    CHECK(router_response_text(NULL, &len) == NULL);
    CHECK(router_response_metadata(NULL, &len) == NULL);
    CHECK(router_response_body(NULL, NULL) == NULL);
    CHECK(router_stream_metadata(NULL, &len) == NULL);
    CHECK(router_stream_metadata(NULL, NULL) == NULL);
    CHECK_INT(router_error_code(NULL), 0);
    CHECK_INT(router_error_http_status(NULL), 0);
    CHECK(!router_error_is_retryable(NULL));
    CHECK_INT(router_error_retry_after_ms(NULL), -1);
    (void)router_error_message(NULL);
    (void)router_error_json(NULL, &len);
}

static void configurations(void)
{
    say("configurations: NULL, empty, bad UTF-8, a list, a number, a wrong length");
    static const struct {
        const char *text;
        size_t len;
        int32_t code;
    } cases[] = {
        {NULL, 0, ROUTER_ERROR_INVALID_ARGUMENT},
        {NULL, 10, ROUTER_ERROR_INVALID_ARGUMENT},
        {NULL, NUL, ROUTER_ERROR_INVALID_ARGUMENT},
        {"model_list: \xff\xfe", NUL, ROUTER_ERROR_INVALID_ARGUMENT},
        {"- a\n- b\n", NUL, ROUTER_ERROR_CONFIG},
        {"42", NUL, ROUTER_ERROR_CONFIG},
        {"{\"model_list\": [", NUL, ROUTER_ERROR_CONFIG},
        {"model_list: 7", NUL, ROUTER_ERROR_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        router_error_t *error = NULL;
        CHECK(router_new_from_yaml(cases[i].text, cases[i].len, &error) == NULL);
        CHECK_ERROR(error, cases[i].code);
        CHECK(router_new_from_yaml(cases[i].text, cases[i].len, NULL) == NULL);
    }
    router_error_t *error = NULL;
    CHECK(router_new_from_file(NULL, NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(router_new_from_file("\xff", NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
}

static void requests(void)
{
    say("requests: NULL, empty, bad UTF-8, no JSON, JSON that is no object, cut short");
    static const struct {
        const char *text;
        size_t len;
    } invalid[] = {
        {NULL, 0}, {NULL, 5}, {NULL, NUL}, {"", 0}, {"", NUL},
        {"{\"model\": \"\xff\xfe\"}", NUL}, {"not json", NUL}, {"[1, 2]", NUL}, {"\"text\"", NUL}, {"null", NUL},
        {ASK("gpt-4"), 20}, {ASK("gpt-4") "trailing", NUL},
    };
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        refused(invalid[i].text, invalid[i].len, ROUTER_ERROR_INVALID_ARGUMENT);
        refused_async(invalid[i].text, invalid[i].len, ROUTER_ERROR_INVALID_ARGUMENT);
        not_explained(invalid[i].text, invalid[i].len, ROUTER_ERROR_INVALID_ARGUMENT);
    }

    say("requests: no model, a model nobody serves, stream: true, a key or an address of its own");
    static const char *bad[] = {
        "{}",
        "{\"messages\": []}",
        "{\"model\": 7, \"messages\": []}",
        ASK("nobody-serves-this"),
        "{\"model\": \"gpt-4\", \"api_key\": \"sk-mine\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}",
        "{\"model\": \"gpt-4\", \"api_base\": \"http://x/\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refused(bad[i], NUL, ROUTER_ERROR_BAD_REQUEST);
        refused_async(bad[i], NUL, ROUTER_ERROR_BAD_REQUEST);
        not_explained(bad[i], NUL, ROUTER_ERROR_BAD_REQUEST);
    }
    /* What a form of the call refuses is no matter of the plan. */
    static const char stream[] =
        "{\"model\": \"gpt-4\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";
    refused(stream, NUL, ROUTER_ERROR_BAD_REQUEST);
    refused_async(stream, NUL, ROUTER_ERROR_BAD_REQUEST);

    say("requests: the length counts, not the NUL");
    static const char exact[] = ASK("gpt-4") "garbage behind the end";
    router_response_t *response = router_completion(router, exact, sizeof ASK("gpt-4") - 1, NULL);
    CHECK(response != NULL);
    router_response_free(response);
    char *plan = router_explain(router, exact, sizeof ASK("gpt-4") - 1, NULL, NULL);
    CHECK(plan != NULL);
    router_string_free(plan);
    check_answers(router, ASK("gpt-4"), "hello");
}

typedef struct {
    tally_t tally;
    int32_t code;
} end_t;

static void ended(void *user_data, router_response_t *response, router_error_t *error)
{
    end_t *end = user_data;
    end->code = router_error_code(error);
    router_response_free(response);
    router_error_free(error);
    pthread_mutex_lock(&end->tally.lock);
    end->tally.ended++;
    pthread_cond_broadcast(&end->tally.changed);
    pthread_mutex_unlock(&end->tally.lock);
}

static void refused_async(const char *request, size_t len, int32_t code)
{
    end_t end = {TALLY, 0};
    router_error_t *error = NULL;
    uint64_t call = 0;
    if (router_completion_async(router, request, len, ended, &end, &call, &error)) {
        CHECK(error == NULL);
        tally_wait(&end.tally, 1, 10);
        CHECK_INT(end.code, code);
    } else {
        CHECK_INT(tally_ended(&end.tally), 0);
        CHECK_ERROR(error, code);
    }
}

static void callbacks(void)
{
    say("callbacks: NULL is refused; without a place for number and error it works");
    router_error_t *error = NULL;
    uint64_t call = 0;
    CHECK(!router_completion_async(router, ASK("gpt-4"), NUL, NULL, NULL, &call, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);

    tally_t tally = TALLY;
    CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, 1, 10);
    CHECK_INT(tally.succeeded, 1);
}

static void cancels(void)
{
    say("cancel: a number never given, one twice, one after its end");
    router_cancel(router, 0);
    router_cancel(router, UINT64_MAX);
    router_cancel(router, 123456789);

    tally_t tally = TALLY;
    uint64_t call = 0;
    CHECK(router_completion_async(router, ASK("slow"), NUL, tally_done, &tally, &call, NULL));
    double start = now_ms();
    router_cancel(router, call);
    router_cancel(router, call);
    tally_wait(&tally, 1, 10);
    CHECK(now_ms() - start < 5000);
    CHECK_INT(tally.cancelled, 1);
    router_cancel(router, call);

    check_answers(router, ASK("gpt-4"), "hello");
    CHECK_INT(tally_ended(&tally), 1);
}

static void listeners(void)
{
    say("log listener: NULL twice, levels out of range");
    CHECK(router_set_log_listener(NULL, NULL, 0));
    CHECK(router_set_log_listener(NULL, NULL, 99));
    CHECK(router_set_log_listener(NULL, NULL, -1));
}

int main(void)
{
    router = router_from("model_list:\n"
                         "  - model_name: gpt-4\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: hello}\n"
                         "  - model_name: slow\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: late, mock_delay_ms: 60000}\n");
    null_handles();
    configurations();
    requests();
    callbacks();
    cancels();
    listeners();
    CHECK(in_flight(router) == 0);
    router_free(router);
    return 0;
}
