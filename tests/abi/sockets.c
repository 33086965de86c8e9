/* Many calls over real sockets: sockets <base URL>. The provider answers under /slow after 2 s and under /quick after 20 ms. */

#include "check.h"
#include <sys/resource.h>

enum { WORKERS = 2 };

static const char *base;

static router_t *router_to(const char *place)
{
    return router_from("model_list:\n"
                       "  - model_name: gpt-4\n"
                       "    litellm_params: {model: openai/gpt-4, api_base: \"%s/%s/v1\", api_key: none}\n"
                       "router_settings: {num_retries: 0}\n"
                       "llmrouter_settings: {worker_threads: %d, connect_timeout: 30}\n",
                       base, place, WORKERS);
}

/* Each call has a socket: as many as the system lets this process have, 8,000 if it can. */
static int sockets_allowed(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_max < 8200 ? (int)limit.rlim_max - 200 : 8000;
}

static void at_once(void)
{
    int calls = sockets_allowed();
    printf("%d asynchronous calls at once over real sockets\n", calls);
    static tally_t tally = TALLY;
    router_t *router = router_to("slow");
    for (int i = 0; i < calls; i++)
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));

    long threads = 0;
    while (tally_ended(&tally) < calls / 2) {
        long now = status_field("Threads");
        threads = now > threads ? now : threads;
        sleep_ms(20);
    }
    tally_wait(&tally, calls, 60);
    printf("all have ended, %d well; threads: %ld\n", tally.succeeded, threads);
    CHECK_INT(tally.succeeded, calls);
    CHECK(threads <= 1 + WORKERS + 1);
    router_free(router);
}

typedef struct {
    const router_t *router;
    double until;
    long calls;
} caller_t;

static void *call_until(void *argument)
{
    caller_t *caller = argument;
    while (now_ms() < caller->until) {
        check_answers(caller->router, ASK("gpt-4"), NULL);
        caller->calls++;
    }
    return NULL;
}

/* Calls a second, by so many threads on one router. */
static double rate(const router_t *router, int threads)
{
    enum { MOST = 64 };
    pthread_t thread[MOST];
    caller_t caller[MOST];
    long calls = 0;
    double start = now_ms(), seconds;
    for (int i = 0; i < threads; i++) {
        caller[i] = (caller_t){router, start + 2000, 0};
        CHECK_INT(pthread_create(&thread[i], NULL, call_until, &caller[i]), 0);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        calls += caller[i].calls;
    }
    seconds = (now_ms() - start) / 1e3;
    return (double)calls / seconds;
}

static void blocking_threads(void)
{
    say("64 blocking threads on one router do at least 50 times what one does");
    router_t *router = router_to("quick");
    rate(router, 64); /* connections are made */
    double one = rate(router, 1), many = rate(router, 64);
    printf("calls a second: %.0f by one thread, %.0f by 64: %.1f times\n", one, many, many / one);
    CHECK(many >= 50 * one);
    router_free(router);
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 2);
    base = argv[1];
    at_once();
    blocking_threads();
    return 0;
}
