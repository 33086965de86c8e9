/* One process of a fleet: callers that ask a router's groups again and again until their time is over. Prints what came of it.
 *
 *   process <name> <config> <start> <seconds> <group>:<callers>:<ms after a refusal>:<ms after an answer> ...
 *
 * <name> is the `user` of each call; <start> is a time of the machine's monotonic clock in ms, so that all processes of a test
 * begin at once.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llmrouter.h"

enum { STACK = 256 * 1024, MOST_GROUPS = 16, MOST_SAMPLES = 1 << 20 };

struct group {
    char name[64];
    char request[256];
    unsigned callers, refused_ms, answered_ms;
    atomic_ulong answered, refused, failed;
    atomic_bool told;
    /* Microseconds that answered calls took. */
    uint32_t *took;
    atomic_size_t samples;
};

struct caller {
    const router_t *router;
    struct group *group;
    uint64_t start, end;
};

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void wait_until(uint64_t us) {
    struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) {
    }
}

/* A refusal is what a limit or a cooldown does; whatever else goes wrong is a failure, and the first of a group is shown. */
static bool is_refusal(int32_t code) {
    return code == ROUTER_ERROR_NO_DEPLOYMENT_AVAILABLE || code == ROUTER_ERROR_RATE_LIMIT;
}

static void *call(void *data) {
    struct caller *caller = data;
    struct group *group = caller->group;
    wait_until(caller->start);
    while (now_us() < caller->end) {
        router_error_t *error = NULL;
        uint64_t before = now_us();
        router_response_t *response =
            router_completion(caller->router, group->request, strlen(group->request), &error);
        uint64_t after = now_us();
        unsigned pause = group->answered_ms;
        if (response != NULL) {
            atomic_fetch_add(&group->answered, 1);
            size_t sample = atomic_fetch_add(&group->samples, 1);
            if (sample < MOST_SAMPLES) group->took[sample] = (uint32_t)(after - before);
            router_response_free(response);
        } else {
            pause = group->refused_ms;
            if (is_refusal(router_error_code(error))) {
                atomic_fetch_add(&group->refused, 1);
            } else if (atomic_fetch_add(&group->failed, 1) == 0 && !atomic_exchange(&group->told, true)) {
                size_t len = 0;
                const char *text = router_error_json(error, &len);
                fprintf(stderr, "%s: %.*s\n", group->name, (int)len, text);
            }
            router_error_free(error);
        }
        if (pause > 0) {
            uint64_t until = after + (uint64_t)pause * 1000;
            wait_until(until < caller->end ? until : caller->end);
        }
    }
    free(caller);
    return NULL;
}

static int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void print(struct group *group, bool last) {
    size_t samples = atomic_load(&group->samples);
    if (samples > MOST_SAMPLES) samples = MOST_SAMPLES;
    qsort(group->took, samples, sizeof *group->took, by_size);
    uint32_t middle = samples == 0 ? 0 : group->took[samples / 2];
    uint32_t slow = samples == 0 ? 0 : group->took[samples - 1 - samples / 100];
    uint32_t slowest = samples == 0 ? 0 : group->took[samples - 1];
    printf("\"%s\":{\"answered\":%lu,\"refused\":%lu,\"failed\":%lu,\"p50_us\":%" PRIu32 ",\"p99_us\":%" PRIu32
           ",\"slowest_us\":%" PRIu32 "}%s",
           group->name, atomic_load(&group->answered), atomic_load(&group->refused), atomic_load(&group->failed), middle,
           slow, slowest, last ? "" : ",");
}

int main(int argc, char **argv) {
    if (argc < 6 || argc - 5 > MOST_GROUPS) {
        fprintf(stderr, "usage: %s <name> <config> <start> <seconds> <group>:<callers>:<ms>:<ms> ...\n", argv[0]);
        return 2;
    }
    static struct group groups[MOST_GROUPS];
    size_t count = (size_t)argc - 5, threads = 0;
    for (size_t i = 0; i < count; i++) {
        struct group *group = &groups[i];
        if (sscanf(argv[i + 5], "%63[^:]:%u:%u:%u", group->name, &group->callers, &group->refused_ms,
                   &group->answered_ms) != 4) {
            fprintf(stderr, "not <group>:<callers>:<ms>:<ms>: %s\n", argv[i + 5]);
            return 2;
        }
        snprintf(group->request, sizeof group->request,
                 "{\"model\":\"%s\",\"user\":\"%s\",\"max_tokens\":20,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}",
                 group->name, argv[1]);
        group->took = malloc(MOST_SAMPLES * sizeof *group->took);
        if (group->took == NULL) return 1;
        threads += group->callers;
    }

    router_error_t *error = NULL;
    router_t *router = router_new_from_file(argv[2], strlen(argv[2]), &error);
    if (router == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }
    uint64_t start = strtoull(argv[3], NULL, 10) * 1000, seconds = strtoull(argv[4], NULL, 10);
    pthread_t *running = calloc(threads, sizeof *running);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    size_t started = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned n = 0; n < groups[i].callers; n++) {
            struct caller *caller = malloc(sizeof *caller);
            if (running == NULL || caller == NULL) return 1;
            *caller = (struct caller){router, &groups[i], start, start + seconds * 1000000};
            if (pthread_create(&running[started++], &small, call, caller) != 0) {
                fprintf(stderr, "only %zu of %zu callers could be started\n", started - 1, threads);
                return 1;
            }
        }
    }
    for (size_t i = 0; i < started; i++) pthread_join(running[i], NULL);
    size_t len = 0;
    char *snapshot = router_snapshot(router, &len);
    printf("{\"groups\":{");
    for (size_t i = 0; i < count; i++) print(&groups[i], i + 1 == count);
    printf("},\"snapshot\":%.*s}\n", (int)len, snapshot);
    router_string_free(snapshot);
    router_free(router);
    free(running);
    for (size_t i = 0; i < count; i++) free(groups[i].took);
    return 0;
}
