/* Streams of real inference servers on both wires: whole ones, and ones whose server dies before its first token and after it. */

#include "client.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT = 65536, SHORT = 24, LONG = 900 };

static int failures;

/* Says whether something holds, and, where it doesn't, what was seen instead. */
__attribute__((format(printf, 4, 5))) static void check(bool holds, const char *wire, const char *what, const char *seen, ...)
{
    printf("%-6s %s: %s", holds ? "ok" : "FAILED", wire, what);
    if (!holds) {
        va_list arguments;
        va_start(arguments, seen);
        printf(": ");
        vprintf(seen, arguments);
        va_end(arguments);
        failures++;
    }
    printf("\n");
}

/* What a stream brought. */
struct reading {
    int chunks, roles, ends;
    char text[TEXT];
    int32_t code; /* 0 if it ended well */
    double prompt_tokens, tokens;
    bool estimated;
    int attempts;
    char server[16];
};

static router_stream_t *open_stream(const router_t *router, const char *group, int tokens, int retries, router_error_t **error)
{
    char request[512];
    snprintf(request, sizeof request,
             "{\"model\": \"%s\", \"max_tokens\": %d, \"num_retries\": %d, \"temperature\": 0, \"messages\": "
             "[{\"role\": \"user\", \"content\": \"Which way to the sea?\"}]}",
             group, tokens, retries);
    return router_completion_stream(router, request, ROUTER_NUL_TERMINATED, error);
}

static void note(struct reading *reading, struct json chunk)
{
    struct json choices, choice, delta, value;
    size_t place = 0, len = strlen(reading->text);
    reading->chunks++;
    if (!json_member(chunk, "choices", &choices) || !json_element(choices, &place, &choice) ||
        !json_member(choice, "delta", &delta))
        return;
    reading->roles += json_member(delta, "role", &value);
    reading->ends += json_member(choice, "finish_reason", &value) && value.at[0] == '"';
    json_text(delta, "content", reading->text + len, TEXT - len);
}

/* Reads to the end and frees. */
static void read_rest(router_stream_t *stream, struct reading *reading)
{
    router_error_t *error = NULL;
    struct json chunk, metadata, usage = {"", 0};
    while (router_stream_next(stream, &chunk.at, &chunk.len, &error) == ROUTER_STREAM_CHUNK)
        note(reading, chunk);
    reading->code = router_error_code(error);
    router_error_free(error);
    metadata.at = router_stream_metadata(stream, &metadata.len);
    json_text(metadata, "deployment", reading->server, sizeof reading->server);
    reading->attempts = json_count(metadata, "attempts");
    reading->estimated = json_member(metadata, "usage_estimated", &usage);
    if (json_member(metadata, "usage", &usage)) {
        reading->prompt_tokens = json_number(usage, "prompt_tokens");
        reading->tokens = json_number(usage, "completion_tokens");
    }
    router_stream_free(stream);
}

static bool is_whole(const struct reading *reading, int tokens)
{
    return reading->code == 0 && reading->roles == 1 && reading->ends == 1 && reading->text[0] != '\0' &&
           reading->chunks > 2 && !reading->estimated && reading->prompt_tokens > 0 && reading->tokens > 0 &&
           reading->tokens <= tokens;
}

static void describe_wrong(char *out, size_t room, const struct reading *reading)
{
    snprintf(out, room, "code %d, %d chunks, %d roles, %d ends, usage %g + %g%s, %d attempts, by %s, text \"%.200s\"",
             (int)reading->code, reading->chunks, reading->roles, reading->ends, reading->prompt_tokens, reading->tokens,
             reading->estimated ? " (estimated)" : "", reading->attempts, reading->server, reading->text);
}

/* A whole stream of the server that lives; long, to compare others with its beginning. */
static struct reading *whole(const router_t *router, const char *wire, int tokens)
{
    char wrong[512];
    router_error_t *error = NULL;
    struct reading *reading = calloc(1, sizeof *reading);
    /* llama.cpp ends a connection with each stream, without having said so: who asks at once may meet the end of the last one. */
    router_stream_t *stream = open_stream(router, wire, tokens, 2, &error);
    if (reading == NULL || stream == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        exit(1);
    }
    read_rest(stream, reading);
    describe_wrong(wrong, sizeof wrong, reading);
    check(is_whole(reading, tokens), wire, "a stream is whole, with the server's own usage", "%s", wrong);
    return reading;
}

static double in_flight(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    /* The first such member is that of all groups. */
    const char *at = strstr(snapshot, "\"in_flight\":");
    double attempts = at == NULL ? -1 : atof(at + 12);
    router_string_free(snapshot);
    return attempts;
}

/* A server that is stopped takes the request and says nothing; once the request is under way, it is killed. */
struct murder {
    const router_t *router;
    pid_t victim;
};

static void *kill_in_flight(void *user_data)
{
    const struct murder *murder = user_data;
    struct timespec pause = {.tv_nsec = 1000000};
    while (in_flight(murder->router) == 0)
        nanosleep(&pause, NULL);
    /* Until it is sent, too: this is no wait for something that may not come. */
    pause.tv_nsec = 100000000;
    nanosleep(&pause, NULL);
    kill(murder->victim, SIGKILL);
    return NULL;
}

static void dies_before(const router_t *router, const char *wire, const char *victim, const struct reading *model)
{
    char group[32], wrong[512];
    pthread_t thread;
    router_error_t *error = NULL;
    struct reading reading = {0};
    struct murder murder = {router, (pid_t)environment_number(victim)};
    snprintf(group, sizeof group, "%s-before", wire);
    kill(murder.victim, SIGSTOP);
    if (pthread_create(&thread, NULL, kill_in_flight, &murder) != 0)
        abort();
    router_stream_t *stream = open_stream(router, group, SHORT, 0, &error);
    pthread_join(thread, NULL);
    check(stream != NULL, wire, "its server dies before the first token and the stream opens", "%s", router_error_message(error));
    router_error_free(error);
    if (stream == NULL)
        return;
    read_rest(stream, &reading);
    describe_wrong(wrong, sizeof wrong, &reading);
    check(is_whole(&reading, SHORT) && strcmp(reading.text, model->text) == 0, wire, "one clean stream, of the other server",
          "%s", wrong);
    check(reading.attempts == 2 && strncmp(reading.server, "B behind", 8) == 0, wire, "after a second attempt", "%s", wrong);
}

static void dies_after(const router_t *router, const char *wire, const char *victim, const struct reading *model)
{
    char group[32], wrong[512];
    router_error_t *error = NULL;
    struct reading *reading = calloc(1, sizeof *reading);
    snprintf(group, sizeof group, "%s-after", wire);
    router_stream_t *stream = open_stream(router, group, LONG, 0, &error);
    kill((pid_t)environment_number(victim), SIGKILL);
    check(stream != NULL, wire, "a long stream opens, and its server dies", "%s", router_error_message(error));
    router_error_free(error);
    if (reading == NULL || stream == NULL)
        return;
    read_rest(stream, reading);
    describe_wrong(wrong, sizeof wrong, reading);
    size_t len = strlen(reading->text);
    check(len > 0 && len < strlen(model->text) && strncmp(reading->text, model->text, len) == 0, wire,
          "the text so far is there", "%s", wrong);
    check(reading->code == ROUTER_ERROR_API_CONNECTION && reading->ends == 0, wire, "and then an error", "%s", wrong);
    check(reading->attempts == 1 && reading->estimated && reading->prompt_tokens > 0 && reading->tokens > 0, wire,
          "nobody else is asked, and the usage is estimated", "%s", wrong);
    free(reading);
}

int main(int argc, char **argv)
{
    router_t *router = open_router(argc, argv);
    static const struct {
        const char *wire, *dies_before, *dies_after;
    } wires[] = {{"openai", "PID_A", "PID_C"}, {"anthropic", "PID_D", "PID_E"}};
    for (size_t i = 0; i < 2; i++) {
        struct reading *brief = whole(router, wires[i].wire, SHORT), *longer = whole(router, wires[i].wire, LONG);
        dies_before(router, wires[i].wire, wires[i].dies_before, brief);
        dies_after(router, wires[i].wire, wires[i].dies_after, longer);
        free(brief);
        free(longer);
    }
    router_free(router);
    return failures > 0;
}
