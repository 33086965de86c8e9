/* A key stays a secret, whatever the provider does with it and whoever is told of calls: canary <base URL>, a provider that
 * echoes the request's credentials in errors under /echo, in malformed answers under /garbage, and answers well under /live.
 * The callbacks' receivers are there, too, and refuse what they get. */

#include "check.h"

#define CANARY "sk-canary-5f1c9a77e3"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int records, events;

/* The prompt of these calls, which nobody is to be shown either. */
#define PROMPT "prompt-7d2e4b61 of nobody else"
#undef ASK
#define ASK(group) "{\"model\": \"" group "\", \"messages\": [{\"role\": \"user\", \"content\": \"" PROMPT "\"}]}"

static void check_clean(const char *where, const char *text)
{
    if (text != NULL && strstr(text, "5f1c9a77") != NULL) {
        fprintf(stderr, "a key is in the %s: %s\n", where, text);
        _exit(1);
    }
}

static void check_silent(const char *where, const char *text)
{
    check_clean(where, text);
    if (text != NULL && strstr(text, "7d2e4b61") != NULL) {
        fprintf(stderr, "the prompt is in the %s: %s\n", where, text);
        _exit(1);
    }
}

static void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_silent("log", json);
    pthread_mutex_lock(&lock);
    records++;
    pthread_mutex_unlock(&lock);
}

static void hear_event(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_silent("event", json);
    pthread_mutex_lock(&lock);
    events++;
    pthread_mutex_unlock(&lock);
}

/* The lines of a file, each of them checked; how many there are. */
static int check_file(const char *path)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    char *line = NULL;
    size_t size = 0;
    int lines = 0;
    for (; getline(&line, &size, file) > 0; lines++)
        check_silent("file", line);
    free(line);
    fclose(file);
    return lines;
}

static void check_snapshot(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    check_silent("snapshot", snapshot);
    router_string_free(snapshot);
    char *metrics = router_metrics(router, NULL);
    CHECK(metrics != NULL);
    check_silent("metrics", metrics);
    router_string_free(metrics);
}

static void check_text(router_error_t *error)
{
    CHECK(error != NULL);
    check_clean("error's message", router_error_message(error));
    check_clean("error's JSON", router_error_json(error, NULL));
}

static void check_error(router_error_t *error)
{
    check_text(error);
    router_error_free(error);
}

static void ended(void *user_data, router_response_t *response, router_error_t *error)
{
    CHECK(response == NULL);
    check_text(error);
    tally_add(user_data, NULL, error);
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 2);
    const char *host = argv[1] + strlen("http://");
    char path[64];
    snprintf(path, sizeof path, "/tmp/llmrouter-canary-%ld.jsonl", (long)getpid());
    CHECK(router_set_log_listener(hear, NULL, ROUTER_LOG_TRACE));
    router_t *router =
        router_from("model_list:\n"
                    "  - model_name: live\n"
                    "    litellm_params: {model: openai/gpt-4, api_base: \"%s/live/v1\", api_key: " CANARY "}\n"
                    "  - model_name: echo\n"
                    "    litellm_params: {model: openai/gpt-4, api_base: \"%s/echo/v1\", api_key: " CANARY "}\n"
                    "  - model_name: garbage\n"
                    "    litellm_params: {model: openai/gpt-4, api_base: \"%s/garbage/v1\", api_key: " CANARY "}\n"
                    "  - model_name: unreachable\n"
                    "    litellm_params: {model: openai/gpt-4, api_base: \"http://127.0.0.1:1/v1\", api_key: " CANARY "}\n"
                    "router_settings: {num_retries: 1, disable_cooldowns: true, set_verbose: true}\n"
                    "litellm_settings: {callbacks: [webhook, sentry, langfuse, otel, prometheus, json_file]}\n"
                    "callback_settings:\n"
                    "  webhook: {endpoint: \"%s/webhook\", headers: {authorization: \"Bearer 5f1c9a77e3-webhook\"}}\n"
                    "  json_file: {path: \"%s\"}\n"
                    "environment_variables:\n"
                    "  SENTRY_DSN: \"http://public:5f1c9a77e3@%s/7\"\n"
                    "  LANGFUSE_PUBLIC_KEY: pk-lf-1\n"
                    "  LANGFUSE_SECRET_KEY: sk-lf-5f1c9a77e3\n"
                    "  LANGFUSE_HOST: \"%s/langfuse\"\n"
                    "  OTEL_EXPORTER_OTLP_ENDPOINT: \"%s/otel\"\n"
                    "  OTEL_EXPORTER_OTLP_HEADERS: x-token=5f1c9a77e3\n",
                    argv[1], argv[1], argv[1], argv[1], path, host, argv[1], argv[1]);

    CHECK(router_set_event_listener(router, hear_event, NULL));

    say("an answer: metadata, snapshot");
    router_response_t *response = router_completion(router, ASK("live"), NUL, NULL);
    CHECK(response != NULL);
    check_clean("metadata", router_response_metadata(response, NULL));
    router_response_free(response);
    check_snapshot(router);

    static const char *requests[] = {ASK("echo"), ASK("garbage"), ASK("unreachable")};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        printf("errors: %.18s\n", requests[i]);
        /* Several, because a script may have several ways to give the key away. */
        for (int round = 0; round < 4; round++) {
            router_error_t *error = NULL;
            CHECK(router_completion(router, requests[i], NUL, &error) == NULL);
            check_error(error);
        }
        router_error_t *error = NULL;
        tally_t tally = TALLY;
        tally.other = 1; /* expected here: not worth a line */
        CHECK(router_completion_async(router, requests[i], NUL, ended, &tally, NULL, NULL));
        tally_wait(&tally, 1, 30);
        CHECK(router_completion_stream(router, requests[i], NUL, &error) == NULL);
        check_error(error);
        check_snapshot(router);
    }

    say("configuration: an error beside a key");
    router_error_t *error = NULL;
    CHECK(router_new_from_yaml("model_list:\n"
                               "  - model_name: gpt-4\n"
                               "    litellm_params: {model: openai/gpt-4, api_key: " CANARY "}\n"
                               "    modle_info: {id: x}\n",
                               NUL, &error) == NULL);
    check_error(error);
    CHECK(router_new_from_yaml("model_list:\n"
                               "  - model_name: gpt-4\n"
                               "    litellm_params: {model: openai/gpt-4, api_key: [" CANARY "]}\n",
                               NUL, &error) == NULL);
    check_error(error);

    say("a request that brings a key");
    CHECK(router_completion(router, "{\"model\": \"live\", \"api_key\": \"" CANARY "\", \"messages\": []}", NUL, &error) == NULL);
    check_error(error);

    say("what the callbacks were told");
    CHECK(router_shutdown(router, 2000));
    check_snapshot(router);
    router_free(router);
    /* Of each call two, and one more of each retry. */
    printf("events heard: %d\n", events);
    CHECK(events >= 2 * (1 + 3 * 6));
    CHECK(router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    int lines = check_file(path);
    CHECK_INT(unlink(path), 0);
    printf("log records heard: %d, events: %d, lines: %d\n", records, events, lines);
    CHECK(records > 0 && events > 0);
    CHECK_INT(lines, events);
    return 0;
}
