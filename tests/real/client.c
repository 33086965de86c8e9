#include "client.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void describe(const router_response_t *response, struct answer *answer)
{
    struct json metadata, body, usage = {"", 0};
    metadata.at = router_response_metadata(response, &metadata.len);
    body.at = router_response_body(response, &body.len);
    json_text(metadata, "deployment", answer->server, sizeof answer->server);
    answer->overhead_ms = json_number(metadata, "overhead_ms");
    answer->attempts = json_count(metadata, "attempts");
    if (json_member(body, "usage", &usage)) {
        answer->prompt_tokens = json_number(usage, "prompt_tokens");
        answer->tokens = json_number(usage, "completion_tokens");
    }
    size_t len = 0;
    const char *text = router_response_text(response, &len);
    if (text != NULL)
        snprintf(answer->text, sizeof answer->text, "%.*s", (int)len, text);
}

struct answer ask(const router_t *router, const char *model, const char *question, int tokens)
{
    struct answer answer = {.prompt_tokens = -1, .tokens = -1, .overhead_ms = -1};
    size_t room = strlen(question) + 256;
    char *request = malloc(room);
    router_error_t *error = NULL;
    if (request == NULL)
        abort();
    snprintf(request, room,
             "{\"model\": \"%s\", \"max_tokens\": %d, \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}", model,
             tokens, question);
    double start = now();
    router_response_t *response = router_completion(router, request, ROUTER_NUL_TERMINATED, &error);
    answer.ms = (now() - start) * 1e3;
    answer.ok = response != NULL;
    if (answer.ok) {
        describe(response, &answer);
    } else {
        answer.code = router_error_code(error);
        answer.status = router_error_http_status(error);
        snprintf(answer.error, sizeof answer.error, "%s: %s", router_error_name(answer.code), router_error_message(error));
    }
    router_response_free(response);
    router_error_free(error);
    free(request);
    return answer;
}

/* What the threads of one load share. */
struct shared {
    struct load *load;
    double start;
    double *overhead;
    atomic_long samples;
    pthread_mutex_t lock; /* over the counts in `load` */
};

static void *work(void *user_data)
{
    struct shared *shared = user_data;
    struct load *load = shared->load;
    while (now() - shared->start < load->seconds) {
        struct answer answer = ask(load->router, "tiny", "Which way to the sea?", 12);
        int second = (int)(now() - shared->start);
        if (second >= SECONDS)
            second = SECONDS - 1;
        if (answer.ok) {
            long sample = atomic_fetch_add(&shared->samples, 1);
            if (sample < SAMPLES)
                shared->overhead[sample] = answer.overhead_ms;
        }
        pthread_mutex_lock(&shared->lock);
        load->calls++;
        load->retried[second] += answer.attempts > 1;
        load->retries += answer.attempts > 1;
        if (!answer.ok) {
            load->failed[second]++;
            if (load->failures++ == 0)
                memcpy(load->error, answer.error, sizeof load->error);
        } else if (strcmp(answer.server, "A") == 0) {
            load->by_a[second]++;
        } else {
            load->by_b[second]++;
        }
        pthread_mutex_unlock(&shared->lock);
    }
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void run_load(struct load *load)
{
    struct shared shared = {.load = load, .start = now(), .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[THREADS];
    shared.overhead = calloc(SAMPLES, sizeof *shared.overhead);
    if (shared.overhead == NULL)
        abort();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &shared) != 0)
            abort();
    if (load->victim > 0) {
        struct timespec pause = {.tv_sec = load->kill_at};
        nanosleep(&pause, NULL);
        kill(load->victim, SIGKILL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    size_t count = (size_t)atomic_load(&shared.samples);
    if (count > SAMPLES)
        count = SAMPLES;
    if (count > 0) {
        qsort(shared.overhead, count, sizeof *shared.overhead, ascending);
        load->overhead_p50_ms = shared.overhead[count / 2];
        load->overhead_p99_ms = shared.overhead[count * 99 / 100];
    }
    free(shared.overhead);
}

long environment_number(const char *name)
{
    const char *text = getenv(name);
    if (text == NULL || atol(text) <= 0) {
        fprintf(stderr, "%s is not set\n", name);
        exit(2);
    }
    return atol(text);
}

router_t *open_router(int argc, char **argv)
{
    router_error_t *error = NULL;
    router_t *router = argc == 2 ? router_new_from_file(argv[1], ROUTER_NUL_TERMINATED, &error) : NULL;
    if (router == NULL) {
        fprintf(stderr, "%s\n", error == NULL ? "usage: PROGRAM CONFIG" : router_error_message(error));
        router_error_free(error);
        exit(2);
    }
    return router;
}
