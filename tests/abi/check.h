/* What the C tests share: checks that name file and line, and just enough picking in JSON text. */

#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <errno.h>
#include <llmrouter.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* _exit, so that a failure in one thread is not covered by what the others do at exit. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1); \
        } \
    } while (0)

/* The same for two integers, showing both. */
#define CHECK_INT(actual, expected) \
    do { \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected); \
        if (actual_ != expected_) { \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, actual_, expected_); \
            _exit(1); \
        } \
    } while (0)

/* The same for a text that must hold another. */
#define CHECK_HOLDS(text, part) \
    do { \
        const char *text_ = (text), *part_ = (part); \
        if (text_ == NULL || strstr(text_, part_) == NULL) { \
            fprintf(stderr, "%s:%d: no \"%s\" in: %s\n", __FILE__, __LINE__, part_, text_ ? text_ : "NULL"); \
            _exit(1); \
        } \
    } while (0)

/* The error must be there and bear this code; it is freed. */
#define CHECK_ERROR(error, expected) \
    do { \
        router_error_t *error_ = (error); \
        if (error_ == NULL || router_error_code(error_) != (expected)) { \
            fprintf(stderr, "%s:%d: the error is %d (%s), not %d\n", __FILE__, __LINE__, (int)router_error_code(error_), \
                    error_ ? router_error_message(error_) : "none", (int)(expected)); \
            _exit(1); \
        } \
        router_error_free(error_); \
    } while (0)

#define ASK(group) "{\"model\": \"" group "\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}"
#define NUL ROUTER_NUL_TERMINATED

/* Not every test uses every helper. */
#define HELPER __attribute__((unused)) static

HELPER void say(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
}

HELPER double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

HELPER void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

/* The value of the first member `name` in `json`, or NULL: found by its quoted name, good enough for documents we know. */
HELPER const char *member(const char *json, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    for (const char *at = json; at != NULL && (at = strstr(at, quoted)) != NULL; at += 1) {
        const char *value = at + strlen(quoted);
        value += strspn(value, " \t\r\n");
        if (*value == ':')
            return value + 1 + strspn(value + 1, " \t\r\n");
    }
    return NULL;
}

HELPER bool member_is(const char *json, const char *name, const char *text)
{
    const char *value = member(json, name);
    size_t len = strlen(text);
    return value != NULL && value[0] == '"' && strncmp(value + 1, text, len) == 0 && value[1 + len] == '"';
}

HELPER double member_number(const char *json, const char *name)
{
    const char *value = member(json, name);
    return value == NULL ? -1 : strtod(value, NULL);
}

/* The sum over all members `name`, such as "failed" of every deployment in a snapshot. */
HELPER double member_sum(const char *json, const char *name)
{
    double sum = 0;
    for (const char *at = json; (at = member(at, name)) != NULL;)
        sum += strtod(at, NULL);
    return sum;
}

/* How many times `part` occurs in `text`. */
HELPER int count(const char *text, const char *part)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        found++;
    return found;
}

/* A field of /proc/self/status, such as "Threads". */
HELPER long status_field(const char *name)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(file);
    return value;
}

/* A router from YAML text with printf's placeholders; it must load. */
HELPER router_t *router_from(const char *format, ...)
{
    char yaml[8192];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(yaml, sizeof yaml, format, arguments);
    va_end(arguments);
    CHECK(len > 0 && (size_t)len < sizeof yaml);

    router_error_t *error = NULL;
    router_t *router = router_new_from_yaml(yaml, (size_t)len, &error);
    if (router == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        _exit(1);
    }
    CHECK(error == NULL);
    return router;
}

/* One blocking call that must succeed with this text. */
HELPER void check_answers(const router_t *router, const char *request, const char *text)
{
    router_error_t *error = NULL;
    router_response_t *response = router_completion(router, request, NUL, &error);
    if (response == NULL) {
        fprintf(stderr, "the call failed: %s\n", error ? router_error_json(error, NULL) : "no error");
        _exit(1);
    }
    CHECK(error == NULL);
    const char *answer = router_response_text(response, NULL);
    if (text != NULL && (answer == NULL || strcmp(answer, text) != 0)) {
        fprintf(stderr, "the answer is \"%s\", not \"%s\"\n", answer ? answer : "NULL", text);
        _exit(1);
    }
    router_response_free(response);
}

/* Attempts in flight by the router's own count: the first such member is that of all groups. */
HELPER double in_flight(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    const char *found = member(snapshot, "in_flight");
    CHECK(found != NULL);
    double calls = strtod(found, NULL);
    router_string_free(snapshot);
    return calls;
}

/* How asynchronous calls ended: one tally for many calls. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ended, succeeded, cancelled, shut_down, internal, other;
} tally_t;

#define TALLY {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0, 0}

/* Counts one end and frees what came with it. */
HELPER void tally_add(tally_t *tally, router_response_t *response, router_error_t *error)
{
    CHECK((response == NULL) != (error == NULL));
    pthread_mutex_lock(&tally->lock);
    tally->ended++;
    switch (router_error_code(error)) {
    case 0: tally->succeeded++; break;
    case ROUTER_ERROR_CANCELLED: tally->cancelled++; break;
    case ROUTER_ERROR_SHUT_DOWN: tally->shut_down++; break;
    case ROUTER_ERROR_INTERNAL: tally->internal++; break;
    default:
        if (tally->other++ == 0)
            fprintf(stderr, "an unexpected end: %s\n", router_error_json(error, NULL));
    }
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
    router_response_free(response);
    router_error_free(error);
}

HELPER int tally_ended(tally_t *tally)
{
    pthread_mutex_lock(&tally->lock);
    int ended = tally->ended;
    pthread_mutex_unlock(&tally->lock);
    return ended;
}

/* Waits until `calls` have ended; a call that never ends fails the test after `seconds`. */
HELPER void tally_wait(tally_t *tally, int calls, int seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&tally->lock);
    while (tally->ended < calls) {
        if (pthread_cond_timedwait(&tally->changed, &tally->lock, &until) != 0) {
            fprintf(stderr, "only %d of %d calls have ended after %d s\n", tally->ended, calls, seconds);
            _exit(1);
        }
    }
    pthread_mutex_unlock(&tally->lock);
}

/* A callback for a tally_t as user data. */
HELPER void tally_done(void *user_data, router_response_t *response, router_error_t *error)
{
    tally_add(user_data, response, error);
}

#endif
