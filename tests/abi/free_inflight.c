/* The end of a router with work in flight: every callback comes, none comes late, nobody waits for ever. */

#include "check.h"

static const char config[] = "model_list:\n"
                             "  - model_name: endless\n"
                             "    litellm_params: {model: openai/gpt-4, mock_response: late, mock_delay_ms: 600000}\n"
                             "  - model_name: short\n"
                             "    litellm_params: {model: openai/gpt-4, mock_response: soon, mock_delay_ms: 300}\n"
                             "  - model_name: quick\n"
                             "    litellm_params: {model: openai/gpt-4, mock_response: now}\n";

static void free_with_calls(void)
{
    enum { CALLS = 1000 };
    say("free with 1,000 in flight: all callbacks before it returns, none after");
    router_t *router = router_from(config);
    tally_t *tally = malloc(sizeof *tally);
    *tally = (tally_t)TALLY;
    for (int i = 0; i < CALLS; i++)
        CHECK(router_completion_async(router, ASK("endless"), NUL, tally_done, tally, NULL, NULL));
    double start = now_ms();
    router_free(router);
    printf("free took %.0f ms\n", now_ms() - start);
    CHECK(now_ms() - start < 5000);
    CHECK_INT(tally->ended, CALLS);
    CHECK_INT(tally->shut_down, CALLS);
    free(tally); /* a late callback would now be a use after free */
    sleep_ms(50);
}

static void free_and_cancel(void)
{
    enum { ROUNDS = 50, CALLS = 20 };
    say("free right after starting and cancelling, 50 times");
    for (int round = 0; round < ROUNDS; round++) {
        router_t *router = router_from(config);
        tally_t tally = TALLY;
        for (int i = 0; i < CALLS; i++) {
            uint64_t call = 0;
            CHECK(router_completion_async(router, i % 2 ? ASK("quick") : ASK("short"), NUL, tally_done, &tally, &call, NULL));
            if (i % 3 == 0)
                router_cancel(router, call);
        }
        router_free(router);
        CHECK_INT(tally.ended, CALLS);
        CHECK_INT(tally.other + tally.internal, 0);
    }
}

/* A callback that frees the router it belongs to. */
typedef struct {
    router_t *router;
    tally_t tally;
} owner_t;

static void free_inside(void *user_data, router_response_t *response, router_error_t *error)
{
    owner_t *owner = user_data;
    double start = now_ms();
    router_free(owner->router);
    CHECK(now_ms() - start < 1000);
    tally_add(&owner->tally, response, error);
}

static void free_in_callback(void)
{
    say("free inside a callback: returns at once, the other calls end with SHUT_DOWN");
    for (int round = 0; round < 20; round++) {
        /* Static, because the last callbacks come from a thread that nobody here waits for. */
        static owner_t owner;
        static tally_t others;
        owner = (owner_t){router_from(config), TALLY};
        others = (tally_t)TALLY;
        for (int i = 0; i < 20; i++)
            CHECK(router_completion_async(owner.router, ASK("endless"), NUL, tally_done, &others, NULL, NULL));
        CHECK(router_completion_async(owner.router, ASK("quick"), NUL, free_inside, &owner, NULL, NULL));
        tally_wait(&owner.tally, 1, 10);
        tally_wait(&others, 20, 10);
        CHECK_INT(owner.tally.succeeded, 1);
        CHECK_INT(others.shut_down, 20);
    }
    sleep_ms(200); /* the last of the threads that tear down */
    printf("threads: %ld\n", status_field("Threads"));
    CHECK_INT(status_field("Threads"), 1);
}

static void *block(void *router)
{
    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("endless"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_SHUT_DOWN);
    return NULL;
}

static void blocked_threads(pthread_t *threads, int count, router_t *router)
{
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, block, router), 0);
    for (int tries = 0; in_flight(router) < count; tries++) {
        CHECK(tries < 1000);
        sleep_ms(5);
    }
}

static void free_beside_blocking(void)
{
    enum { THREADS = 8 };
    say("free while 8 threads sit in blocking calls: they return with SHUT_DOWN, then it does");
    router_t *router = router_from(config);
    pthread_t threads[THREADS];
    blocked_threads(threads, THREADS, router);
    double start = now_ms();
    router_free(router);
    CHECK(now_ms() - start < 5000);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void shut_down(void)
{
    say("shutdown: drains what ends in time; later calls get SHUT_DOWN; twice is allowed");
    router_t *router = router_from(config);
    static tally_t tally = TALLY;
    for (int i = 0; i < 100; i++)
        CHECK(router_completion_async(router, ASK("short"), NUL, tally_done, &tally, NULL, NULL));
    CHECK(router_shutdown(router, 10000));
    CHECK_INT(tally_ended(&tally), 100);
    CHECK_INT(tally.succeeded, 100);

    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("quick"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_SHUT_DOWN);
    if (router_completion_async(router, ASK("quick"), NUL, tally_done, &tally, NULL, &error)) {
        tally_wait(&tally, 101, 10);
        CHECK_INT(tally.shut_down, 1);
    } else {
        CHECK_ERROR(error, ROUTER_ERROR_SHUT_DOWN);
    }
    CHECK(router_shutdown(router, 0));
    router_free(router);

    say("shutdown: false when time is up; what is left runs on until it is freed");
    router = router_from(config);
    static tally_t left = TALLY;
    CHECK(router_completion_async(router, ASK("endless"), NUL, tally_done, &left, NULL, NULL));
    double start = now_ms();
    CHECK(!router_shutdown(router, 100));
    double waited = now_ms() - start;
    CHECK(waited >= 95 && waited < 3000);
    CHECK_INT(tally_ended(&left), 0);
    router_free(router);
    CHECK_INT(left.shut_down, 1);

    say("shutdown: of a router never asked");
    router = router_from(config);
    CHECK(router_shutdown(router, 100));
    router_free(router);
}

int main(void)
{
    free_with_calls();
    free_and_cancel();
    free_in_callback();
    free_beside_blocking();
    shut_down();
    return 0;
}
