/* The event listener: each end is heard once, and nobody waits for whoever listens. */

#include "heard.h"

enum { QUICK_CALLS = 200, SLOW_CALLS = 20000, CALLERS = 4 };

static void each_end_is_heard_once(void)
{
    say("each attempt and each call is heard once, by its own router's listener");
    router_t *one = router_from("%s", config), *two = router_from("%s", config);
    heard_t first = {0}, second = {0};
    CHECK(router_set_event_listener(one, hear, &first));
    CHECK(router_set_event_listener(two, hear, &second));
    for (int i = 0; i < QUICK_CALLS; i++) {
        ask(one, i % 4 != 0);
        if (i % 2 == 0)
            ask(two, true);
    }
    /* What has ended is handed over before the router is freed. */
    CHECK(router_shutdown(one, 10000));
    CHECK_INT(get(&first.calls), QUICK_CALLS);
    router_free(one);
    router_free(two);
    CHECK_INT(get(&first.calls), QUICK_CALLS);
    CHECK_INT(get(&first.attempts), QUICK_CALLS);
    CHECK_INT(get(&first.errors), QUICK_CALLS / 4);
    CHECK_INT(get(&first.warnings), QUICK_CALLS / 4);
    CHECK_INT(get(&second.calls), QUICK_CALLS / 2);
    CHECK_INT(get(&second.attempts), QUICK_CALLS / 2);
    CHECK_INT(get(&second.errors) + get(&second.warnings), 0);
    CHECK_INT(get(&first.others) + get(&second.others), 0);
    CHECK(is_quiet(&first) && is_quiet(&second));
}

static void nothing_is_heard_after_the_end(void)
{
    say("a listener that is gone hears nothing more, and its data may be freed at once");
    router_t *router = router_from("%s", config);
    tally_t tally = TALLY;
    for (int round = 0; round < QUICK_CALLS; round++) {
        heard_t *heard = calloc(1, sizeof *heard);
        CHECK(heard != NULL);
        CHECK(router_set_event_listener(router, hear, heard));
        for (int i = 0; i < 5; i++)
            CHECK(router_completion_async(router, ASK("good"), NUL, tally_done, &tally, NULL, NULL));
        if (round % 3 == 0)
            wait_for(&heard->attempts, 1);
        CHECK(router_set_event_listener(router, NULL, NULL));
        CHECK(get(&heard->calls) <= 5 * (round + 1) && is_quiet(heard));
        free(heard);
    }
    tally_wait(&tally, 5 * QUICK_CALLS, 60);
    CHECK_INT(tally.succeeded, 5 * QUICK_CALLS);
    router_free(router);
    CHECK(!router_set_event_listener(NULL, hear, NULL));
}

static void *many(void *argument)
{
    for (int i = 0; i < SLOW_CALLS / CALLERS; i++)
        ask(argument, true);
    return NULL;
}

static double time_of_many(router_t *router)
{
    pthread_t threads[CALLERS];
    double start = now_ms();
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, many, router), 0);
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    return now_ms() - start;
}

static void nobody_waits_for_a_slow_listener(void)
{
    say("a listener that takes 5 ms an event loses the oldest events and holds up no call");
    router_t *router = router_from("%s", config);
    double alone = time_of_many(router);
    heard_t heard = {.slow = true};
    CHECK(router_set_event_listener(router, hear, &heard));
    double beside = time_of_many(router);
    printf("    %d calls: %.0f ms without a listener, %.0f ms beside a slow one\n", SLOW_CALLS, alone, beside);
    /* One call after the other would wait for 200 s. */
    CHECK(beside < 3 * alone + 2000);
    CHECK(get(&heard.calls) < SLOW_CALLS / 2);
    __atomic_store_n(&heard.slow, false, __ATOMIC_RELEASE);
    wait_for(&heard.newest, 2 * SLOW_CALLS);
    CHECK(router_shutdown(router, 10000));
    int events = get(&heard.attempts) + get(&heard.calls);
    printf("    %d of %d events were heard, the newest among them\n", events, 2 * SLOW_CALLS);
    CHECK(events < 2 * SLOW_CALLS && events >= 16384);
    router_free(router);
    CHECK(is_quiet(&heard));

    say("what a slow listener has not heard when the router is freed does not hold that up for long");
    router = router_from("%s", config);
    heard_t *slow = calloc(1, sizeof *slow);
    CHECK(slow != NULL);
    slow->slow = true;
    CHECK(router_set_event_listener(router, hear, slow));
    for (int i = 0; i < 2000; i++)
        ask(router, true);
    double start = now_ms();
    router_free(router);
    CHECK(now_ms() - start < 5000);
    CHECK(get(&slow->calls) > 0 && get(&slow->calls) < 2000 && is_quiet(slow));
    free(slow);
}

static void free_waits_for_what_waits(void)
{
    say("events that wait when the router is freed are heard before that returns");
    for (int round = 0; round < 20; round++) {
        router_t *router = router_from("%s", config);
        heard_t *heard = calloc(1, sizeof *heard);
        CHECK(heard != NULL);
        CHECK(router_set_event_listener(router, hear, heard));
        for (int i = 0; i < 50; i++)
            ask(router, true);
        router_free(router);
        CHECK_INT(get(&heard->calls), 50);
        CHECK(is_quiet(heard));
        free(heard);
    }
}

int main(void)
{
    each_end_is_heard_once();
    nothing_is_heard_after_the_end();
    nobody_waits_for_a_slow_listener();
    free_waits_for_what_waits();
    return 0;
}
