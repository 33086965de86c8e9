/* Metrics: the text, and where it is served. */

#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { CALLS = 200, READERS = 4, RELOADS = 40 };

#define MODELS \
    "model_list:\n" \
    "  - {model_name: g, litellm_params: {model: openai/gpt-4o-mini, mock_response: hello}, model_info: {id: a}}\n" \
    "  - {model_name: f, litellm_params: {model: openai/gpt-4o, mock_error: 503}, model_info: {id: b}}\n" \
    "router_settings: {num_retries: 0, fallbacks: [{f: [g]}]}\n"

/* A port that is free now. */
static int free_port(void)
{
    int one = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    CHECK(bind(one, (struct sockaddr *)&address, len) == 0);
    CHECK(getsockname(one, (struct sockaddr *)&address, &len) == 0);
    close(one);
    return ntohs(address.sin_port);
}

/* A connection, or -1 if nobody listens. */
static int dial(int port)
{
    int one = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(one, (struct sockaddr *)&address, sizeof address) == 0)
        return one;
    close(one);
    return -1;
}

/* What is served there, owned; NULL if nobody listens, or stops to. */
static char *scrape(int port)
{
    int one = dial(port);
    if (one < 0)
        return NULL;
    static const char ask[] = "GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n";
    char *text = calloc(1, 1 << 20);
    size_t len = 0;
    if (send(one, ask, sizeof ask - 1, MSG_NOSIGNAL) == (ssize_t)sizeof ask - 1) {
        ssize_t read_now;
        while (len < (1 << 20) - 1 && (read_now = read(one, text + len, (1 << 20) - 1 - len)) > 0)
            len += (size_t)read_now;
    }
    close(one);
    if (len > 0)
        return text;
    free(text);
    return NULL;
}

/* The sum of a metric's samples whose labels hold a text. */
static double sum(const char *text, const char *metric, const char *label)
{
    double all = 0;
    size_t len = strlen(metric);
    for (const char *line = text; line != NULL; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *end = strchr(line, '\n');
        if (end == NULL || strncmp(line, metric, len) != 0 || (line[len] != '{' && line[len] != ' '))
            continue;
        const char *found = strstr(line, label);
        const char *value = end;
        while (value > line && value[-1] != ' ')
            value--;
        if (found != NULL && found < end)
            all += strtod(value, NULL);
    }
    return all;
}

static void text_on_demand(void)
{
    say("the text: counted from the first look on, exact, owned");
    router_t *router = router_from(MODELS);
    check_answers(router, ASK("g"), "hello");
    size_t len = 0;
    char *before = router_metrics(router, &len);
    CHECK(before != NULL);
    CHECK_INT(len, strlen(before));
    CHECK(sum(before, "llmrouter_calls_total", "") == 0 && sum(before, "llmrouter_build_info", "") == 1);
    router_string_free(before);
    for (int i = 0; i < CALLS; i++) {
        check_answers(router, ASK("g"), "hello");
        check_answers(router, ASK("f"), "hello");
    }
    char *text = router_metrics(router, NULL);
    CHECK(sum(text, "llmrouter_calls_total", "status=\"success\"") == 2 * CALLS);
    CHECK(sum(text, "litellm_deployment_success_responses_total", "model_id=\"a\"") == 2 * CALLS);
    CHECK(sum(text, "litellm_deployment_failure_responses_total", "Openai.ServiceUnavailableError") == CALLS);
    CHECK(sum(text, "litellm_deployment_successful_fallbacks_total", "fallback_model=\"g\"") == CALLS);
    CHECK(sum(text, "llmrouter_events_lost_total", "") == 0);
    router_string_free(text);
    router_free(router);
}

static void served(void)
{
    say("the server: there from the load on, gone at the end; a port in use is a load error that names it");
    int port = free_port(), other = free_port();
    router_t *router = router_from(MODELS "llmrouter_settings: {metrics: {listen: \"127.0.0.1:%d\"}}\n", port);
    check_answers(router, ASK("g"), "hello");
    char *text = scrape(port);
    CHECK(text != NULL && strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK(sum(text, "llmrouter_calls_total", "requested_model=\"g\"") == 1);
    free(text);

    char yaml[1024], where[96];
    snprintf(yaml, sizeof yaml, MODELS "llmrouter_settings: {metrics: {listen: \"127.0.0.1:%d\"}}\n", port);
    router_error_t *error = NULL;
    CHECK(router_new_from_yaml(yaml, NUL, &error) == NULL);
    CHECK_INT(router_error_code(error), ROUTER_ERROR_CONFIG);
    snprintf(where, sizeof where, "llmrouter_settings.metrics.listen: can't listen on 127.0.0.1:%d: ", port);
    CHECK_HOLDS(router_error_message(error), where);
    router_error_free(error);

    /* The same address stays, with what was counted; another one is taken before this one is given up. */
    CHECK(router_reload_from_yaml(router, yaml, NUL, NULL));
    text = scrape(port);
    CHECK(text != NULL && sum(text, "llmrouter_calls_total", "requested_model=\"g\"") == 1);
    free(text);
    snprintf(yaml, sizeof yaml, MODELS "llmrouter_settings: {metrics: {listen: \"127.0.0.1:%d\"}}\n", other);
    CHECK(router_reload_from_yaml(router, yaml, NUL, NULL));
    text = scrape(other);
    CHECK(text != NULL && sum(text, "llmrouter_calls_total", "requested_model=\"g\"") == 1);
    free(text);
    for (int i = 0; i < 1000 && (text = scrape(port)) != NULL; i++, sleep_ms(5))
        free(text);
    CHECK(text == NULL);

    /* Somebody who says nothing holds up nobody. */
    int idle = dial(other);
    CHECK(idle >= 0);
    CHECK(router_shutdown(router, 1000));
    for (int i = 0; i < 1000 && (text = scrape(other)) != NULL; i++, sleep_ms(5))
        free(text);
    CHECK(text == NULL);
    router_free(router);
    close(idle);
    CHECK(dial(other) < 0);
}

typedef struct {
    router_t *router;
    int port;
    bool over;
    long texts;
} reader_t;

static void *read_on(void *user_data)
{
    reader_t *reader = user_data;
    while (!__atomic_load_n(&reader->over, __ATOMIC_RELAXED)) {
        char *text = router_metrics(reader->router, NULL);
        CHECK(text != NULL);
        CHECK(sum(text, "llmrouter_build_info", "") == 1);
        router_string_free(text);
        free(scrape(reader->port));
        check_answers(reader->router, ASK("g"), "hello");
        __atomic_fetch_add(&reader->texts, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void under_load(void)
{
    say("readers, callers and reloads at once: nothing is lost, nothing is counted twice");
    int ports[2] = {free_port(), free_port()};
    reader_t reader = {.port = ports[0]};
    reader.router = router_from(MODELS);
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_on, &reader), 0);
    for (int i = 0; i < RELOADS; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, MODELS "llmrouter_settings: {metrics: {listen: \"127.0.0.1:%d\"}}\n", ports[i / 4 % 2]);
        router_error_t *error = NULL;
        if (!router_reload_from_yaml(reader.router, yaml, NUL, &error)) {
            printf("%s\n", router_error_message(error));
            CHECK(false);
        }
        sleep_ms(5);
    }
    char *before = router_metrics(reader.router, NULL);
    double counted = sum(before, "llmrouter_calls_total", "");
    router_string_free(before);
    CHECK(counted > 0);
    __atomic_store_n(&reader.over, true, __ATOMIC_RELAXED);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    char *text = router_metrics(reader.router, NULL);
    double calls = sum(text, "llmrouter_calls_total", "");
    CHECK(calls >= counted && calls <= (double)reader.texts);
    CHECK(calls == sum(text, "llmrouter_attempts_total", "status=\"success\""));
    router_string_free(text);
    router_free(reader.router);
}

static void look(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)level, (void)json, (void)len;
    reader_t *reader = user_data;
    char *text = router_metrics(reader->router, NULL);
    CHECK(text != NULL);
    router_string_free(text);
    __atomic_fetch_add(&reader->texts, 1, __ATOMIC_RELAXED);
}

static void within_a_listener(void)
{
    say("a first look from within the event listener, which is being taken away");
    reader_t reader = {.router = router_from(MODELS)};
    CHECK(router_set_event_listener(reader.router, look, &reader));
    for (int i = 0; i < 10; i++)
        check_answers(reader.router, ASK("g"), "hello");
    while (__atomic_load_n(&reader.texts, __ATOMIC_RELAXED) == 0)
        sleep_ms(1);
    CHECK(router_set_event_listener(reader.router, NULL, NULL));
    router_free(reader.router);
}

int main(void)
{
    text_on_demand();
    served();
    under_load();
    within_a_listener();
    return 0;
}
