/* Two reads of one stream at once: the second is refused, the first is not disturbed, and no chunk comes twice or never. */

#include "check.h"

static router_t *router;

static router_stream_t *open_stream(const char *request)
{
    router_error_t *error = NULL;
    router_stream_t *stream = router_completion_stream(router, request, NUL, &error);
    if (stream == NULL) {
        fprintf(stderr, "no stream: %s\n", router_error_message(error));
        _exit(1);
    }
    return stream;
}

/* Reads what comes before the silence. */
static void read_what_there_is(router_stream_t *stream)
{
    CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_CHUNK);
}

typedef struct {
    tally_t tally;
    int32_t code;
} end_t;

static void ended(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    end_t *end = user_data;
    CHECK(status == ROUTER_STREAM_ERROR && chunks == NULL && len == 0);
    end->code = router_error_code(error);
    router_error_free(error);
    pthread_mutex_lock(&end->tally.lock);
    end->tally.ended++;
    pthread_cond_broadcast(&end->tally.changed);
    pthread_mutex_unlock(&end->tally.lock);
}

static void never_read(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)user_data, (void)status, (void)chunks, (void)len, (void)error;
    CHECK(!"a refused read has a callback");
}

/* Both forms of a read find another one at work. */
static void is_busy(router_stream_t *stream)
{
    router_error_t *error = NULL;
    const char *chunk = "left from before";
    size_t len = 1;
    CHECK_INT(router_stream_next(stream, &chunk, &len, &error), ROUTER_STREAM_ERROR);
    CHECK(chunk == NULL && len == 0);
    CHECK_ERROR(error, ROUTER_ERROR_BUSY);
    CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_ERROR);
    CHECK(!router_stream_next_async(stream, 1, never_read, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_BUSY);
    CHECK(!router_stream_next_async(stream, 1, never_read, NULL, NULL));
    CHECK(router_stream_metadata(stream, NULL) != NULL);
}

static void beside_an_asynchronous_read(void)
{
    say("beside an asynchronous read that waits");
    router_stream_t *stream = open_stream(ASK("silent"));
    read_what_there_is(stream);
    end_t end = {TALLY, 0};
    CHECK(router_stream_next_async(stream, 1, ended, &end, NULL));
    is_busy(stream);
    CHECK_INT(tally_ended(&end.tally), 0);
    router_stream_cancel(stream);
    tally_wait(&end.tally, 1, 10);
    CHECK_INT(end.code, ROUTER_ERROR_CANCELLED);
    router_stream_free(stream);
}

typedef struct {
    router_stream_t *stream;
    bool begun;
    int32_t code;
} waiting_t;

static void *wait_for_a_chunk(void *user_data)
{
    waiting_t *waiting = user_data;
    router_error_t *error = NULL;
    __atomic_store_n(&waiting->begun, true, __ATOMIC_RELEASE);
    CHECK_INT(router_stream_next(waiting->stream, NULL, NULL, &error), ROUTER_STREAM_ERROR);
    waiting->code = router_error_code(error);
    router_error_free(error);
    return NULL;
}

static void beside_a_blocking_read(void)
{
    say("beside a blocking read that waits");
    waiting_t waiting = {.stream = open_stream(ASK("silent"))};
    read_what_there_is(waiting.stream);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, wait_for_a_chunk, &waiting), 0);
    while (!__atomic_load_n(&waiting.begun, __ATOMIC_ACQUIRE))
        sched_yield();
    sleep_ms(200); /* nothing tells from outside when it waits */
    is_busy(waiting.stream);
    router_stream_cancel(waiting.stream);
    pthread_join(thread, NULL);
    CHECK_INT(waiting.code, ROUTER_ERROR_CANCELLED);
    router_stream_free(waiting.stream);
}

/* Many threads ask for the chunks of one stream: each chunk goes to one of them, the others hear that it is busy. A chunk may
 * be read until the next read, so one who shares a stream may look at the status alone. */
static void *share(void *user_data)
{
    router_stream_t *stream = user_data;
    long chunks = 0;
    for (;;) {
        router_error_t *error = NULL;
        int32_t status = router_stream_next(stream, NULL, NULL, &error);
        if (status == ROUTER_STREAM_END)
            return (void *)chunks;
        chunks += status == ROUTER_STREAM_CHUNK;
        if (status == ROUTER_STREAM_ERROR)
            CHECK_ERROR(error, ROUTER_ERROR_BUSY);
    }
}

static void shared(void)
{
    enum { THREADS = 4 };
    say("four threads read one stream");
    router_stream_t *alone = open_stream(ASK("long"));
    long expected = 0;
    while (router_stream_next(alone, NULL, NULL, NULL) == ROUTER_STREAM_CHUNK)
        expected++;
    router_stream_free(alone);

    router_stream_t *stream = open_stream(ASK("long"));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, share, stream), 0);
    long chunks = 0;
    for (int i = 0; i < THREADS; i++) {
        void *of_this = NULL;
        pthread_join(threads[i], &of_this);
        chunks += (long)of_this;
    }
    CHECK_INT(chunks, expected);
    CHECK(expected > 1000);
    router_stream_free(stream);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    static char text[6001];
    memset(text, 'x', sizeof text - 1);
    router = router_from("model_list:\n"
                         "  - model_name: silent\n"
                         "    litellm_params: {model: openai/x, api_key: sk-x, api_base: '%s/silent/v1'}\n"
                         "  - model_name: long\n"
                         "    litellm_params: {model: openai/x, mock_response: %s}\n",
                         arguments[1], text);
    beside_an_asynchronous_read();
    beside_a_blocking_read();
    shared();
    CHECK(router_shutdown(router, 5000));
    CHECK(in_flight(router) == 0);
    router_free(router);
    return 0;
}
