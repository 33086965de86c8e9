/* What an event listener may do itself, and listeners that many threads set and unset. */

#include "heard.h"

enum { CALLERS = 4, CHANGES = 100 };

/* What a listener does with its router. */
typedef struct {
    router_t *router;
    int begun, done;
    bool frees;
    tally_t tally;
} insider_t;

static void meddle(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)level, (void)json, (void)len;
    insider_t *inside = user_data;
    if (__atomic_fetch_add(&inside->begun, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    router_t *router = inside->router;
    if (inside->frees) {
        router_free(router);
        add(&inside->done);
        return;
    }
    CHECK(!router_set_event_listener(router, NULL, NULL));
    CHECK(!router_set_event_listener(router, meddle, NULL));
    CHECK(!router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    CHECK(!router_shutdown(router, 1000));
    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("good"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_IN_CALLBACK);
    CHECK(router_embedding(router, ASK("good"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_IN_CALLBACK);
    CHECK(router_request(router, "/responses", NUL, ASK("good"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_IN_CALLBACK);
    CHECK(router_completion_stream(router, ASK("good"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_IN_CALLBACK);
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    router_string_free(snapshot);
    CHECK(router_completion_async(router, ASK("good"), NUL, tally_done, &inside->tally, NULL, &error));
    add(&inside->done);
}

static void inside_a_listener(void)
{
    say("inside a listener: what waits is refused, what does not wait works");
    insider_t inside = {.tally = TALLY};
    inside.router = router_from("%s", config);
    CHECK(router_set_event_listener(inside.router, meddle, &inside));
    ask(inside.router, true);
    wait_for(&inside.done, 1);
    tally_wait(&inside.tally, 1, 30);
    CHECK_INT(inside.tally.succeeded, 1);
    wait_for(&inside.begun, 4);
    router_free(inside.router);

    say("inside a listener: the router may be freed");
    for (int round = 0; round < 20; round++) {
        long threads = status_field("Threads");
        insider_t *last = calloc(1, sizeof *last);
        CHECK(last != NULL);
        last->frees = true;
        last->router = router_from("%s", config);
        CHECK(router_set_event_listener(last->router, meddle, last));
        router_error_t *error = NULL;
        /* By a call of its own, for nobody may use the router while it is freed. */
        tally_t tally = TALLY;
        CHECK(router_completion_async(last->router, ASK("good"), NUL, tally_done, &tally, NULL, &error));
        tally_wait(&tally, 1, 30);
        wait_for(&last->done, 1);
        /* Its threads end by themselves; then nobody has the listener's data. */
        double end = now_ms() + 30000;
        while (status_field("Threads") > threads) {
            CHECK(now_ms() < end);
            sleep_ms(1);
        }
        CHECK_INT(get(&last->begun), 2);
        free(last);
    }
}

static bool stop;
static router_t *shared;

static void *call_on(void *unused)
{
    (void)unused;
    for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++)
        ask(shared, i % 5 != 0);
    return NULL;
}

static void *change(void *total)
{
    for (int i = 0; i < CHANGES; i++) {
        heard_t *own = calloc(1, sizeof *own);
        CHECK(own != NULL);
        CHECK(router_set_event_listener(shared, hear, own));
        sleep_ms(1);
        /* Whoever listens now, this one does not. */
        CHECK(router_set_event_listener(shared, NULL, NULL));
        CHECK(is_quiet(own));
        __atomic_add_fetch((int *)total, get(&own->calls), __ATOMIC_ACQ_REL);
        free(own);
    }
    return NULL;
}

static void changed_by_many(void)
{
    say("four threads set and unset listeners while calls run");
    shared = router_from("%s", config);
    pthread_t callers[CALLERS], changers[CALLERS];
    int total = 0;
    for (int i = 0; i < CALLERS; i++) {
        CHECK_INT(pthread_create(&callers[i], NULL, call_on, NULL), 0);
        CHECK_INT(pthread_create(&changers[i], NULL, change, &total), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(pthread_join(changers[i], NULL), 0);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(pthread_join(callers[i], NULL), 0);
    printf("    %d calls were heard\n", total);
    CHECK(total > 0);
    router_free(shared);
}

int main(void)
{
    inside_a_listener();
    changed_by_many();
    return 0;
}
