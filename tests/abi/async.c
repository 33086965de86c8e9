/* Exactly once: 20,000 asynchronous calls at once, some cancelled, each with one callback, on a handful of threads. */

#include "check.h"

enum { CALLS = 20000, DELAY_MS = 3000, WORKERS = 2 };

typedef struct {
    uint64_t number;
    int fired;
    bool cancelled;
} call_t;

static tally_t tally = TALLY;
static call_t calls[CALLS];
static router_t *router;

static void done(void *user_data, router_response_t *response, router_error_t *error)
{
    call_t *call = user_data;
    CHECK(call->number != 0); /* written before the callback may run */
    CHECK_INT(__atomic_add_fetch(&call->fired, 1, __ATOMIC_RELAXED), 1);
    if (!__atomic_load_n(&call->cancelled, __ATOMIC_RELAXED))
        CHECK(response != NULL);
    tally_add(&tally, response, error);
}

static int by_number(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static void exactly_once(void)
{
    printf("exactly once: %d calls at once, every 7th or so cancelled\n", CALLS);
    for (int i = 0; i < CALLS; i++)
        CHECK(router_completion_async(router, ASK("slow"), NUL, done, &calls[i], &calls[i].number, NULL));
    /* Accepted is not yet begun: the workers take a moment to get to the last. */
    for (double start = now_ms(); in_flight(router) < CALLS && now_ms() - start < DELAY_MS;)
        sleep_ms(10);
    CHECK_INT(in_flight(router), CALLS);
    CHECK_INT(tally_ended(&tally), 0);

    long threads = status_field("Threads");
    printf("threads: %ld\n", threads);
    CHECK(threads <= 1 + WORKERS + 1);

    /* The same numbers in every run: what varies is what they meet. */
    uint32_t random = 1;
    int cancelled = 0;
    for (int i = 0; i < CALLS; i++) {
        random = random * 1664525 + 1013904223;
        if ((random >> 16) % 7 != 0)
            continue;
        __atomic_store_n(&calls[i].cancelled, true, __ATOMIC_RELAXED);
        router_cancel(router, calls[i].number);
        cancelled++;
    }
    tally_wait(&tally, CALLS, 60);
    sleep_ms(50); /* time for a callback too many */

    CHECK_INT(tally.ended, CALLS);
    CHECK_INT(tally.cancelled, cancelled);
    CHECK_INT(tally.succeeded, CALLS - cancelled);
    CHECK(in_flight(router) == 0);
    printf("%d succeeded, %d cancelled\n", tally.succeeded, tally.cancelled);

    say("numbers: each given once");
    static uint64_t numbers[CALLS];
    for (int i = 0; i < CALLS; i++) {
        CHECK_INT(calls[i].fired, 1);
        numbers[i] = calls[i].number;
    }
    qsort(numbers, CALLS, sizeof *numbers, by_number);
    for (int i = 1; i < CALLS; i++)
        CHECK(numbers[i - 1] != numbers[i]);
}

/* Cancels that race with the end: one outcome each, whichever wins. */
static void racing_cancels(void)
{
    enum { ROUNDS = 2000 };
    say("cancels that race with the end");
    static tally_t race = TALLY;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t number = 0;
        CHECK(router_completion_async(router, ASK("fast"), NUL, tally_done, &race, &number, NULL));
        if (i % 2 == 0)
            sched_yield();
        router_cancel(router, number);
    }
    tally_wait(&race, ROUNDS, 30);
    CHECK_INT(race.succeeded + race.cancelled, ROUNDS);
}

static tally_t inner = TALLY;

/* In a callback: what blocks fails at once; starting, cancelling, looking, reading and freeing work. */
static void inside(void *user_data, router_response_t *response, router_error_t *error)
{
    router_error_t *refusal = NULL;
    CHECK(error == NULL);
    CHECK(router_completion(router, ASK("fast"), NUL, &refusal) == NULL);
    CHECK_ERROR(refusal, ROUTER_ERROR_IN_CALLBACK);
    CHECK(!router_shutdown(router, 1000));
    CHECK(!router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));

    uint64_t slow = 0;
    CHECK(router_completion_async(router, ASK("fast"), NUL, tally_done, &inner, NULL, NULL));
    CHECK(router_completion_async(router, ASK("slow"), NUL, tally_done, &inner, &slow, NULL));
    router_cancel(router, slow);
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    router_string_free(snapshot);
    char *plan = router_explain(router, ASK("fast"), NUL, NULL, &refusal);
    CHECK(plan != NULL && refusal == NULL);
    router_string_free(plan);
    CHECK(strcmp(router_response_text(response, NULL), "quick") == 0);
    tally_add(user_data, response, NULL);
}

static void inside_callbacks(void)
{
    enum { OUTER = 50 };
    say("inside a callback: blocking functions fail; start, cancel, look, read, free work");
    static tally_t outer = TALLY;
    for (int i = 0; i < OUTER; i++)
        CHECK(router_completion_async(router, ASK("fast"), NUL, inside, &outer, NULL, NULL));
    tally_wait(&outer, OUTER, 30);
    tally_wait(&inner, 2 * OUTER, 30);
    CHECK_INT(inner.succeeded, OUTER);
    CHECK_INT(inner.cancelled, OUTER);
    check_answers(router, ASK("fast"), "quick"); /* the refused shutdown did nothing */
}

int main(void)
{
    router = router_from("model_list:\n"
                         "  - model_name: slow\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: slow, mock_delay_ms: %d}\n"
                         "  - model_name: fast\n"
                         "    litellm_params: {model: openai/gpt-4, mock_response: quick}\n"
                         "llmrouter_settings: {worker_threads: %d}\n",
                         DELAY_MS, WORKERS);
    exactly_once();
    racing_cancels();
    inside_callbacks();
    router_free(router);
    return 0;
}
