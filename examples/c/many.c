/* A thousand calls at once from one thread: how they spread over weighted deployments, and what it took.
 *
 *   cc many.c $(pkg-config --cflags --libs llmrouter) -pthread -o many && ./many ../config/many.yaml
 */

#define _POSIX_C_SOURCE 200809L
#include <llmrouter.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CALLS = 1000 };

/* What the callbacks of all calls add up, under one lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ended, failed, east, west, spare;
    double overhead_ms;
} sum = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Runs once for each call, on a thread of the library: it owns what it is given and must not block. */
static void done(void *user_data, router_response_t *response, router_error_t *error)
{
    (void)user_data;
    double overhead_ms = 0;
    const char *text = "";
    if (response != NULL) {
        const char *member = strstr(router_response_metadata(response, NULL), "\"overhead_ms\":");
        if (member != NULL)
            sscanf(member, "\"overhead_ms\":%lf", &overhead_ms);
        text = router_response_text(response, NULL);
    }

    pthread_mutex_lock(&sum.lock);
    sum.ended++;
    sum.failed += response == NULL;
    sum.east += strcmp(text, "east") == 0;
    sum.west += strcmp(text, "west") == 0;
    sum.spare += strcmp(text, "spare") == 0;
    sum.overhead_ms += overhead_ms;
    pthread_cond_signal(&sum.changed);
    pthread_mutex_unlock(&sum.lock);

    router_response_free(response);
    router_error_free(error);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* All threads of this process, where the system tells. */
static int threads(void)
{
    char line[128];
    int count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "Threads: %d", &count);
    if (status != NULL)
        fclose(status);
    return count;
}

static void show(const char *name, int calls)
{
    printf("    %-6s %4d  %.*s\n", name, calls, calls / 16, "########################################################");
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/many.yaml";
    static const char request[] = "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";
    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);

    double start = now_ms();
    int started = 0;
    while (router != NULL && started < CALLS &&
           router_completion_async(router, request, sizeof request - 1, done, NULL, NULL, &error))
        started++;
    int most_threads = threads();

    pthread_mutex_lock(&sum.lock);
    while (sum.ended < started)
        pthread_cond_wait(&sum.changed, &sum.lock);
    pthread_mutex_unlock(&sum.lock);
    double took = now_ms() - start;

    if (started == CALLS) {
        printf("%d calls at once, each of which takes the deployment 20 ms\n", CALLS);
        show("east", sum.east);
        show("west", sum.west);
        show("spare", sum.spare);
        printf("    %d failed; all ended within %.0f ms, on %d threads\n", sum.failed, took, most_threads);
        printf("    router's own time: %.3f ms a call\n", sum.overhead_ms / CALLS);
    } else {
        fprintf(stderr, "%s\n", router_error_message(error));
    }
    router_error_free(error);
    router_free(router);
    return started < CALLS || sum.failed > 0;
}
