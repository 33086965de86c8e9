/* A key stays a secret, whatever the provider does with it: canary <base URL>, a provider that echoes the request's
 * credentials in errors under /echo, in malformed answers under /garbage, and answers well under /live. */

#include "check.h"

#define CANARY "sk-canary-5f1c9a77e3"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int records, events;

static void check_clean(const char *where, const char *text)
{
    if (text != NULL && strstr(text, "5f1c9a77") != NULL) {
        fprintf(stderr, "the key is in the %s: %s\n", where, text);
        _exit(1);
    }
}

static void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_clean("log", json);
    pthread_mutex_lock(&lock);
    records++;
    pthread_mutex_unlock(&lock);
}

static void hear_event(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_clean("event", json);
    pthread_mutex_lock(&lock);
    events++;
    pthread_mutex_unlock(&lock);
}

static void check_snapshot(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    check_clean("snapshot", snapshot);
    router_string_free(snapshot);
    char *metrics = router_metrics(router, NULL);
    CHECK(metrics != NULL);
    check_clean("metrics", metrics);
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
                    "router_settings: {num_retries: 1, disable_cooldowns: true, set_verbose: true}\n",
                    argv[1], argv[1], argv[1]);

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

    router_free(router);
    /* Of each call two, and one more of each retry. */
    printf("events heard: %d\n", events);
    CHECK(events >= 2 * (1 + 3 * 6));
    CHECK(router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    printf("log records heard: %d\n", records);
    CHECK(records > 0);
    return 0;
}
