/* Reloads under load: four threads call, one replaces the configuration a hundred times. Nobody's call fails, what was learnt
 * stays, a wrong file changes nothing, and memory does not grow. */

#include "check.h"

enum { RELOADS = 100, WARM = 20, CALLERS = 4, OPEN = 16 };

/* `a` stays in every file; `b` comes and goes, and so does what the files say of them. */
#define STAYS "  - {model_name: g, litellm_params: {model: openai/gpt-4, mock_response: hello, weight: 1}, model_info: {id: a}}\n"
#define COMES "  - {model_name: g, litellm_params: {model: openai/gpt-4, mock_response: hello, weight: 3}, model_info: {id: b}}\n"
/* A key of its own in every file: those of old files are forgotten. */
#define KEYED "  - {model_name: k, litellm_params: {model: openai/gpt-4, api_base: \"http://127.0.0.1:1/v1\", api_key: sk-%06d}}\n"

static const char refused[] = "model_list:\n  - {model_name: g, litelm_params: {model: openai/gpt-4}}\n";

typedef struct {
    router_t *router;
    pthread_mutex_t lock;
    bool over;
    long answers;
} load_t;

static bool is_over(load_t *load)
{
    pthread_mutex_lock(&load->lock);
    bool over = load->over;
    pthread_mutex_unlock(&load->lock);
    return over;
}

static void count_answers(load_t *load, long answers)
{
    pthread_mutex_lock(&load->lock);
    load->answers += answers;
    pthread_mutex_unlock(&load->lock);
}

/* Whole answers and streams in turn, each on this thread. */
static void *call(void *user_data)
{
    load_t *load = user_data;
    long answers = 0;
    for (; !is_over(load); answers++) {
        if (answers % 4 != 3) {
            check_answers(load->router, ASK("g"), "hello");
            continue;
        }
        router_error_t *error = NULL;
        router_stream_t *stream = router_completion_stream(load->router, ASK("g"), NUL, &error);
        CHECK(stream != NULL);
        const char *chunk;
        while (router_stream_next(stream, &chunk, NULL, &error) == 1)
            CHECK(chunk != NULL);
        CHECK(error == NULL);
        router_stream_free(stream);
    }
    count_answers(load, answers);
    return NULL;
}

/* The last callback has let go of the lock when this returns. */
static void check_all_succeeded(tally_t *tally, int calls)
{
    pthread_mutex_lock(&tally->lock);
    CHECK_INT(tally->succeeded, calls);
    pthread_mutex_unlock(&tally->lock);
}

/* By callback, some at once. */
static void *call_async(void *user_data)
{
    load_t *load = user_data;
    static tally_t tally = TALLY;
    int answers = 0;
    while (!is_over(load)) {
        for (int i = 0; i < OPEN; i++)
            CHECK(router_completion_async(load->router, ASK("g"), NUL, tally_done, &tally, NULL, NULL));
        answers += OPEN;
        tally_wait(&tally, answers, 30);
    }
    check_all_succeeded(&tally, answers);
    count_answers(load, answers);
    return NULL;
}

static void reload(router_t *router, int turn)
{
    char yaml[1024];
    int len = snprintf(yaml, sizeof yaml, "model_list:\n" STAYS "%s" KEYED "router_settings: {routing_strategy: %s}\n",
                       turn % 2 ? COMES : "", turn, turn % 3 ? "simple-shuffle" : "least-busy");
    CHECK(len > 0 && (size_t)len < sizeof yaml);
    router_error_t *error = NULL;
    CHECK(router_reload_from_yaml(router, yaml, (size_t)len, &error));
    CHECK(error == NULL);
}

static router_t *heard_of;
static int refusals;

/* A reload logs what it warns of, and waits for no listener that would wait for it. */
static void reload_within(void *user_data, int32_t level, const char *record, size_t len)
{
    (void)user_data, (void)level, (void)record, (void)len;
    router_error_t *error = NULL;
    if (heard_of == NULL) {
        return;
    }
    CHECK(!router_reload_from_yaml(heard_of, "model_list: []", NUL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_IN_CALLBACK);
    refusals++;
}

static void reload_in_a_listener(void)
{
    say("a reload inside a log listener is refused");
    router_t *router = router_new_from_yaml("model_list: []", NUL, NULL);
    CHECK(router != NULL);
    CHECK(router_set_log_listener(reload_within, NULL, ROUTER_LOG_WARN));
    heard_of = router;
    CHECK(router_reload_from_yaml(router, "model_list: []\nrouter_settings: {fallbacks: [{a: [b]}]}", NUL, NULL));
    heard_of = NULL;
    CHECK(router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    CHECK(refusals > 0);
    router_free(router);
}

static void reload_refused(router_t *router)
{
    router_error_t *error = NULL;
    CHECK(!router_reload_from_yaml(router, refused, NUL, &error));
    CHECK_HOLDS(router_error_message(error), "litellm_params");
    CHECK_ERROR(error, ROUTER_ERROR_CONFIG);
    CHECK(!router_reload_from_yaml(router, "model_list: [", NUL, NULL));
}

static double succeeded(const router_t *router, const char *id)
{
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    char quoted[16];
    snprintf(quoted, sizeof quoted, "\"%s\"", id);
    const char *entry = strstr(snapshot, quoted);
    double count = entry == NULL ? -1 : member_number(entry, "succeeded");
    router_string_free(snapshot);
    return count;
}

static void under_load(void)
{
    say("a hundred reloads while five threads call: no error");
    load_t load = {router_from("model_list:\n" STAYS), PTHREAD_MUTEX_INITIALIZER, false, 0};
    pthread_t callers[CALLERS + 1];
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(pthread_create(&callers[i], NULL, call, &load), 0);
    CHECK_INT(pthread_create(&callers[CALLERS], NULL, call_async, &load), 0);
    for (int turn = 0; turn < RELOADS; turn++) {
        reload(load.router, turn);
        if (turn % 10 == 0)
            reload_refused(load.router);
        sleep_ms(3);
    }
    pthread_mutex_lock(&load.lock);
    load.over = true;
    pthread_mutex_unlock(&load.lock);
    for (int i = 0; i <= CALLERS; i++)
        pthread_join(callers[i], NULL);
    printf("%ld answers, %.0f of them by the one that stayed\n", load.answers, succeeded(load.router, "a"));
    CHECK(load.answers >= RELOADS);
    /* It answered alone half of the time, and its count began with the first file. */
    CHECK(succeeded(load.router, "a") * 4 > (double)load.answers);
    CHECK(succeeded(load.router, "a") + succeeded(load.router, "b") <= (double)load.answers);
    CHECK(in_flight(load.router) == 0);
    router_free(load.router);
}

static void learnt(void)
{
    say("what was learnt stays with the id, exactly");
    router_t *router = router_from("model_list:\n" STAYS);
    for (int i = 0; i < 7; i++)
        check_answers(router, ASK("g"), "hello");
    reload(router, 0);
    CHECK_INT(succeeded(router, "a"), 7);
    reload_refused(router);
    CHECK_INT(succeeded(router, "a"), 7);
    check_answers(router, ASK("g"), "hello");
    reload(router, 2);
    CHECK_INT(succeeded(router, "a"), 8);
    router_free(router);
}

static void *reload_often(void *router)
{
    for (int turn = 0; turn < RELOADS / 3; turn++)
        reload(router, turn);
    return NULL;
}

static void one_after_the_other(void)
{
    enum { THREADS = 3 };
    say("reloads of several threads beside calls: one after the other");
    router_t *router = router_from("model_list:\n" STAYS);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, reload_often, router), 0);
    static tally_t tally = TALLY;
    for (int i = 0; i < RELOADS; i++)
        CHECK(router_completion_async(router, ASK("g"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, RELOADS, 30);
    check_all_succeeded(&tally, RELOADS);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(succeeded(router, "a") >= 0);
    check_answers(router, ASK("g"), "hello");
    router_free(router);
}

/* Sanitizers keep what is freed for a while: only without one the size of the process says something. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void memory(void)
{
    say("memory does not grow with reloads");
    router_t *router = router_from("model_list:\n" STAYS);
    long before = 0;
    for (int turn = 0; turn < 20 * RELOADS; turn++) {
        if (turn == WARM * 10)
            before = status_field("VmRSS");
        reload(router, turn);
        check_answers(router, ASK("g"), "hello");
    }
    long after = status_field("VmRSS");
    printf("%ld KiB after %d reloads, %ld KiB after %d\n", before, WARM * 10, after, 20 * RELOADS);
    CHECK(after - before < 512);
    router_free(router);
}
#else
static void memory(void)
{
}
#endif

static void misuse(void)
{
    say("no router, no text, a router that is shut down");
    router_error_t *error = NULL;
    CHECK(!router_reload_from_yaml(NULL, "model_list: []", NUL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    router_t *router = router_from("model_list:\n" STAYS);
    CHECK(!router_reload_from_yaml(router, NULL, 0, &error));
    CHECK_ERROR(error, ROUTER_ERROR_INVALID_ARGUMENT);
    CHECK(!router_reload_from_yaml(router, NULL, 0, NULL));
    check_answers(router, ASK("g"), "hello");
    router_free(router);
}

int main(void)
{
    reload_in_a_listener();
    under_load();
    learnt();
    one_after_the_other();
    memory();
    misuse();
    return 0;
}
