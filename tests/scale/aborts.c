/* Streams left at random points: aborts <url> <streams>. Afterwards nothing of them is left: no call in flight, no
 * connection, no descriptor, no thread, no memory. */

#include "process.h"
#include "provider.h"
#include <stdatomic.h>

/* At a time. The allocator and the pool of connections are as large as they get after WARM_UP of them. */
enum { AT_ONCE = 200, WARM_UP = 3000, PATIENCE_MS = 60 * 1000 };
/* What all streams together may leave behind. A hundred bytes of each would be more. */
enum { MOST_KIB = 4096 };
/* Until when those are ended that are ended by time, and when all are that nobody has left yet, such as the ones that
 * get no answer. */
enum { SOON_MS = 60, LATE_MS = 200 };

/* Who ends a stream, and where. */
typedef enum {
    CALL_CANCELLED,    /* router_cancel at any time, before the headers too */
    CANCELLED_OPENED,  /* router_stream_cancel as it opens; the read says so */
    FREED_OPENED,      /* router_stream_free as it opens */
    CANCELLED_READING, /* router_stream_cancel behind some chunks */
    FREED_READING,     /* router_stream_free behind some chunks */
    FREED_ELSEWHERE,   /* router_stream_free on another thread, at any time, with a read to come */
    READ,              /* nobody: read to its end */
    WAYS
} way_t;

typedef enum { IDLE, OPENING, READING } state_t;

/* A place for one stream after the other. */
typedef struct {
    _Atomic state_t state;
    atomic_bool is_over; /* of a stream that the main thread frees */
    way_t way;
    int chunks; /* reads before it is left */
    double due; /* when this program's main thread ends it */
    uint64_t call;
    router_stream_t *stream;
} place_t;

static place_t places[AT_ONCE];
static atomic_long whole, cancelled, unopened;

static void end(place_t *place, router_error_t *error)
{
    if (error != NULL)
        CHECK_ERROR(error, ROUTER_ERROR_CANCELLED);
    if (place->way == FREED_ELSEWHERE) {
        place->is_over = true;
        return;
    }
    router_stream_free(place->stream);
    place->state = IDLE;
}

static void on_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)chunks, (void)len;
    place_t *place = user_data;
    bool is_over = status != ROUTER_STREAM_CHUNK;
    if (is_over)
        atomic_fetch_add(status == ROUTER_STREAM_END ? &whole : &cancelled, 1);
    else if (--place->chunks == 0 && place->way == FREED_READING)
        is_over = true;
    else if (place->chunks <= 0 && place->way == CANCELLED_READING)
        router_stream_cancel(place->stream);
    if (is_over)
        end(place, error);
    else
        CHECK(router_stream_next_async(place->stream, 2, on_chunks, place, NULL));
}

static void on_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    place_t *place = user_data;
    if (stream == NULL) {
        CHECK_ERROR(error, ROUTER_ERROR_CANCELLED);
        atomic_fetch_add(&unopened, 1);
        place->state = IDLE;
        return;
    }
    place->stream = stream;
    if (place->way == FREED_OPENED) {
        end(place, NULL);
        return;
    }
    if (place->way == CANCELLED_OPENED)
        router_stream_cancel(stream);
    /* The last read may free the place before this returns, unless the main thread does: that waits until it is told. */
    bool is_told = place->way == FREED_ELSEWHERE;
    CHECK(router_stream_next_async(stream, 2, on_chunks, place, NULL));
    if (is_told)
        place->state = READING;
}

static void start(const router_t *router, place_t *place)
{
    place->way = (way_t)(rand() % WAYS);
    place->chunks = 1 + rand() % 15;
    bool by_time = place->way == CALL_CANCELLED || place->way == FREED_ELSEWHERE;
    place->due = now_ms() + (by_time ? rand() % SOON_MS : LATE_MS);
    place->is_over = false;
    place->state = OPENING;
    router_error_t *error = NULL;
    CHECK(router_completion_stream_async(router, ASK("left"), NUL, on_opened, place, &place->call, &error));
}

static void end_by_time(const router_t *router, place_t *place)
{
    state_t state = place->state;
    if (state == READING && (place->is_over || now_ms() >= place->due)) {
        router_stream_free(place->stream);
        place->state = IDLE;
    } else if (state != IDLE && now_ms() >= place->due) {
        /* Once it has opened, and when it is over, too. */
        router_cancel(router, place->call);
        place->due += LATE_MS;
    }
}

/* Opens so many, and returns when all have been left. */
static void leave(const router_t *router, int streams)
{
    double until = now_ms() + PATIENCE_MS + streams;
    for (int busy = 1; busy > 0 || streams > 0;) {
        busy = 0;
        for (place_t *place = places; place < places + AT_ONCE; place++) {
            if (place->state == IDLE && streams > 0) {
                streams--;
                start(router, place);
            }
            end_by_time(router, place);
            busy += place->state != IDLE;
        }
        CHECK(now_ms() < until);
        sleep_ms(1);
    }
}

/* What is there besides streams and pooled connections; waits until the provider has seen the last of them leave. */
typedef struct {
    long descriptors, threads, resident;
} rest_t;

static rest_t settle(const router_t *router, const char *url)
{
    double until = now_ms() + PATIENCE_MS;
    while (provider_stat(url, "in_flight") > 0) {
        CHECK(now_ms() < until);
        sleep_ms(5);
    }
    CHECK(in_flight(router) == 0);
    /* The provider sees a connection's end a moment after us. */
    long pooled = provider_stat(url, "open_connections"), again;
    while (sleep_ms(20), again = provider_stat(url, "open_connections"), again != pooled)
        pooled = again;
    CHECK(pooled <= AT_ONCE);
    return (rest_t){descriptors() - pooled, threads(), resident()};
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 3);
    int streams = atoi(argv[2]);
    CHECK(streams > 0);
    raise_open_files();
    long descriptors_before = descriptors(), threads_before = threads();
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: left\n"
                                   "    litellm_params: {model: openai/left, api_base: '%s/left/v1', api_key: sk-scale}\n"
                                   "router_settings: {num_retries: 0, disable_cooldowns: true}\n",
                                   argv[1]);
    leave(router, WARM_UP);
    rest_t before = settle(router, argv[1]);
    whole = cancelled = unopened = 0;

    double begin = now_ms();
    leave(router, streams);
    double took = now_ms() - begin;
    rest_t after = settle(router, argv[1]);
    printf("C: %d streams left in %.1f s: %ld before they opened, %ld cancelled while read, %ld read whole, others freed; "
           "%ld KiB to %ld KiB\n",
           streams, took / 1e3, unopened, cancelled, whole, before.resident, after.resident);
    fflush(stdout);
    CHECK_INT(after.descriptors, before.descriptors);
    CHECK_INT(after.threads, before.threads);
    CHECK(after.resident - before.resident <= MOST_KIB);
    CHECK(unopened > streams / 50 && cancelled > streams / 50 && whole > streams / 50);

    CHECK(router_shutdown(router, 5000));
    router_free(router);
    CHECK_INT(descriptors(), descriptors_before);
    CHECK_INT(threads(), threads_before);
    double until = now_ms() + PATIENCE_MS;
    while (provider_stat(argv[1], "open_connections") > 0) {
        CHECK(now_ms() < until);
        sleep_ms(5);
    }
    return 0;
}
