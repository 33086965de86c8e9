/* A router's life: made, asked, inspected, freed; and who owns what on the way. */

#include "check.h"

static const char mock[] =
    "model_list:\n"
    "  - model_name: gpt-4\n"
    "    litellm_params: {model: openai/gpt-4, mock_response: from the mock}\n"
    "    model_info: {id: the-mock}\n";

static router_t *new_mock(void)
{
    router_error_t *error = (router_error_t *)&error; /* must be overwritten */
    router_t *router = router_new_from_yaml(mock, sizeof mock - 1, &error);
    CHECK(router != NULL);
    CHECK(error == NULL);
    return router;
}

static void version(void)
{
    say("version: three numbers");
    int major, minor, patch;
    CHECK_INT(sscanf(router_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

static void made_and_freed(void)
{
    say("made and freed: 100 routers never asked, 20 asked once");
    for (int i = 0; i < 100; i++)
        router_free(new_mock());
    for (int i = 0; i < 20; i++) {
        router_t *router = new_mock();
        check_answers(router, ASK("gpt-4"), "from the mock");
        router_free(router);
    }
}

static void from_file(void)
{
    say("from a file: loads; a missing file and a broken one name their path");
    char path[] = "/tmp/llmrouter-lifecycle-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    CHECK(write(file, mock, sizeof mock - 1) == (ssize_t)sizeof mock - 1);

    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, NUL, &error);
    CHECK(router != NULL && error == NULL);
    check_answers(router, ASK("gpt-4"), "from the mock");
    router_free(router);

    CHECK(router_new_from_file("/does/not/exist.yaml", NUL, &error) == NULL);
    CHECK_HOLDS(router_error_message(error), "/does/not/exist.yaml");
    CHECK_ERROR(error, ROUTER_ERROR_CONFIG);

    CHECK(write(file, "nonsense: [\n", 12) == 12);
    CHECK(router_new_from_file(path, strlen(path), &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_CONFIG);
    close(file);
    unlink(path);
}

static void config_errors(void)
{
    say("errors of the configuration: code, place, a name for people");
    static const char unknown[] =
        "model_list:\n"
        "  - model_name: gpt-4\n"
        "    litellm_params: {model: openai/gpt-4, mock_response: hi}\n"
        "router_settings:\n"
        "  routing_stratgy: simple-shuffle\n";
    router_error_t *error = NULL;
    CHECK(router_new_from_yaml(unknown, NUL, &error) == NULL);
    CHECK_HOLDS(router_error_message(error), "routing_stratgy");
    CHECK_HOLDS(router_error_message(error), "5");
    CHECK_HOLDS(router_error_message(error), "routing_strategy");
    CHECK_INT(router_error_http_status(error), 0);
    CHECK(!router_error_is_retryable(error));
    CHECK_INT(router_error_retry_after_ms(error), -1);
    size_t len = 0;
    const char *json = router_error_json(error, &len);
    CHECK_INT(len, strlen(json));
    CHECK(member(json, "error") != NULL && member(json, "message") != NULL && member(json, "type") != NULL);
    CHECK_ERROR(error, ROUTER_ERROR_CONFIG);

    CHECK(router_new_from_yaml("model_list: {\n", NUL, &error) == NULL);
    CHECK_HOLDS(router_error_message(error), "line");
    CHECK_ERROR(error, ROUTER_ERROR_CONFIG);
}

static void error_names(void)
{
    say("error names: a class for every code, and one for a code nobody knows");
    CHECK(strcmp(router_error_name(ROUTER_ERROR_RATE_LIMIT), "RateLimitError") == 0);
    CHECK(strcmp(router_error_name(ROUTER_ERROR_AUTHENTICATION), "AuthenticationError") == 0);
    for (int32_t code = -10; code < 1100; code++)
        CHECK(router_error_name(code) != NULL && router_error_name(code)[0] != '\0');
    CHECK(router_error_name(INT32_MIN) != NULL && router_error_name(INT32_MAX) != NULL);
}

static void response(void)
{
    say("response: body, text and metadata, the same when asked twice, and valid after the router is gone");
    router_t *router = new_mock();
    router_error_t *error = NULL;
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, &error);
    CHECK(response != NULL && error == NULL);
    router_free(router);

    size_t len = 0;
    const char *body = router_response_body(response, &len);
    CHECK_INT(len, strlen(body));
    CHECK_HOLDS(body, "from the mock");
    CHECK(member(body, "choices") != NULL);

    const char *text = router_response_text(response, &len);
    CHECK_INT(len, strlen("from the mock"));
    CHECK(strcmp(text, "from the mock") == 0);

    const char *metadata = router_response_metadata(response, &len);
    CHECK_INT(len, strlen(metadata));
    CHECK(member_is(metadata, "deployment", "the-mock"));
    CHECK(member_is(metadata, "model_group", "gpt-4"));
    CHECK(member(metadata, "attempts") != NULL && *member(metadata, "attempts") == '[');
    CHECK(member_number(metadata, "fallbacks") == 0);
    CHECK(member_number(metadata, "latency_ms") >= 0);
    CHECK(member_number(metadata, "overhead_ms") >= 0);
    CHECK(router_response_metadata(response, NULL) == metadata);
    CHECK(router_response_body(response, NULL) == body);
    CHECK(router_response_text(response, NULL) == text);
    router_response_free(response);
}

static void snapshot(void)
{
    say("snapshot: version, group, deployment and state, on an owned string");
    router_t *router = new_mock();
    for (int asked = 0; asked < 2; asked++) {
        size_t len = 0;
        char *snapshot = router_snapshot(router, &len);
        CHECK(snapshot != NULL);
        CHECK_INT(len, strlen(snapshot));
        CHECK(member(snapshot, "version") != NULL && member(snapshot, "groups") != NULL);
        CHECK(member_is(snapshot, "name", "gpt-4"));
        CHECK(member_is(snapshot, "id", "the-mock"));
        CHECK(member_is(snapshot, "state", "healthy"));
        CHECK(member_number(snapshot, "in_flight") == 0);
        CHECK(member(snapshot, "warnings") != NULL);
        router_string_free(snapshot);
        check_answers(router, ASK("gpt-4"), NULL);
    }
    router_free(router);
}

static void explain(void)
{
    say("explain: names, order and deployments on an owned string; nothing is sent; an answer holds it where asked to");
    router_t *router = router_from("model_list:\n"
                                   "  - {model_name: g, litellm_params: {model: openai/m, mock_response: a}, model_info: {id: one}}\n"
                                   "  - {model_name: h, litellm_params: {model: openai/m, mock_response: b}, model_info: {id: two}}\n"
                                   "router_settings: {model_group_alias: {best: g}, fallbacks: [{g: [h, gone]}]}\n");
    for (int asked = 0; asked < 2; asked++) {
        router_error_t *error = (router_error_t *)&error; /* must be overwritten */
        size_t len = 0;
        char *plan = router_explain(router, ASK("best"), NUL, &len, &error);
        CHECK(plan != NULL && error == NULL);
        CHECK_INT(len, strlen(plan));
        CHECK(member_is(plan, "model", "best") && member_is(plan, "group", "g") && member_is(plan, "how", "alias"));
        CHECK_HOLDS(plan, "\"order\":[\"g\",\"h\"]");
        CHECK(member_is(plan, "id", "one") && member_number(plan, "share") == 1);
        CHECK_INT(count(plan, "\"deployments\":["), 3);
        CHECK_HOLDS(plan, "no model group, alias, wildcard, deployment or provider's model is named");
        router_string_free(plan);
    }
    char *snapshot = router_snapshot(router, NULL);
    CHECK(member_sum(snapshot, "succeeded") == 0 && member_sum(snapshot, "failed") == 0);
    router_string_free(snapshot);

    router_response_t *response = router_completion(
        router, "{\"model\": \"best\", \"messages\": [], \"metadata\": {\"explain\": true}}", NUL, NULL);
    CHECK_HOLDS(router_response_metadata(response, NULL), "\"order\":[\"g\",\"h\"]");
    router_response_free(response);
    response = router_completion(router, ASK("best"), NUL, NULL);
    CHECK(member(router_response_metadata(response, NULL), "explain") == NULL);
    router_response_free(response);
    router_free(router);
}

/* What a log listener heard. */
typedef struct {
    pthread_mutex_t lock;
    int records, running, max_level;
} log_t;

static void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    log_t *log = user_data;
    CHECK(json != NULL && strlen(json) == len && json[0] == '{');
    pthread_mutex_lock(&log->lock);
    log->records++;
    log->running++;
    if (level > log->max_level)
        log->max_level = level;
    pthread_mutex_unlock(&log->lock);
    sleep_ms(1); /* so that a change of listener meets a running one */
    pthread_mutex_lock(&log->lock);
    log->running--;
    pthread_mutex_unlock(&log->lock);
}

static bool stop_talking;

/* Calls that fail: that is what there is to log. */
static void *talk(void *router)
{
    while (!__atomic_load_n(&stop_talking, __ATOMIC_RELAXED)) {
        router_error_t *error = NULL;
        CHECK(router_completion(router, ASK("down"), NUL, &error) == NULL);
        CHECK_ERROR(error, ROUTER_ERROR_SERVICE_UNAVAILABLE);
    }
    return NULL;
}

static int heard(log_t *log)
{
    pthread_mutex_lock(&log->lock);
    CHECK_INT(log->running, 0);
    int records = log->records;
    pthread_mutex_unlock(&log->lock);
    return records;
}

static void log_listener(void)
{
    say("log listener: set, replaced, cleared while others talk; the former one is at rest on return");
    log_t first = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0}, second = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0};
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: down\n"
                                   "    litellm_params: {model: openai/gpt-4, mock_error: ServiceUnavailableError}\n"
                                   "router_settings: {num_retries: 0, disable_cooldowns: true, set_verbose: true}\n");
    pthread_t talkers[4];
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&talkers[i], NULL, talk, router), 0);

    for (int round = 0; round < 10; round++) {
        CHECK(router_set_log_listener(hear, &first, ROUTER_LOG_TRACE));
        sleep_ms(10);
        CHECK(router_set_log_listener(hear, &second, ROUTER_LOG_WARN));
        int records = heard(&first);
        sleep_ms(10);
        CHECK_INT(heard(&first), records);
    }
    CHECK(router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    int records = heard(&second);
    sleep_ms(10);
    CHECK_INT(heard(&second), records);
    CHECK(first.records > 0);
    CHECK(second.max_level <= ROUTER_LOG_WARN);

    __atomic_store_n(&stop_talking, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        pthread_join(talkers[i], NULL);
    router_free(router);
}

int main(void)
{
    version();
    made_and_freed();
    from_file();
    config_errors();
    error_names();
    response();
    snapshot();
    explain();
    log_listener();
    return 0;
}
