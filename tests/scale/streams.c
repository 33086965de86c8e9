/* Thousands of streams open at once: streams <url> <path> <streams> <chunks of each> [unread]. All chunks come, no thread
 * is added, and what a stream holds is little, even if nobody reads it for a while. */

#include "process.h"
#include <stdatomic.h>

/* What one open stream may cost in resident memory: its connection, its task and what waits to be read. */
enum { MOST_KIB = 32 };
/* What it may cost more if nobody reads it: as much as waits for a slow reader, and as much again for keeping it. */
enum { MOST_UNREAD_KIB = 32 };
/* What the allocator may set aside, however few streams there are. */
enum { SPARE_KIB = 1024 };

/* The first of them start the workers and fill what is made once; then what the others add is measured. */
enum { FIRST = 50 };

enum { PATIENCE_MS = 120 * 1000, MOST_OPENING = 500 };

typedef struct {
    router_stream_t *stream;
    int came;
} reader_t;

static int chunks_of_each;
static bool unread;
static atomic_int asked, opened, ended;
static atomic_long chunks_in_all, reads;

static void fail(const char *what, router_error_t *error)
{
    fprintf(stderr, "%s: %s\n", what, router_error_json(error, NULL));
    _exit(1);
}

static void on_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error);

static void read_on(reader_t *reader)
{
    CHECK(router_stream_next_async(reader->stream, 64, on_chunks, reader, NULL));
}

/* The contents are numbers, counted up. */
static void check_chunks(reader_t *reader, const char *chunks)
{
    static const char content[] = "\"delta\":{\"content\":\"";
    for (const char *at = chunks; (at = strstr(at, content)) != NULL; reader->came++) {
        at += sizeof content - 1;
        CHECK_INT(strtol(at, NULL, 10), reader->came);
        atomic_fetch_add(&chunks_in_all, 1);
    }
}

static void on_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)len;
    reader_t *reader = user_data;
    if (status == ROUTER_STREAM_ERROR)
        fail("a stream broke", error);
    if (status == ROUTER_STREAM_CHUNK) {
        atomic_fetch_add(&reads, 1);
        check_chunks(reader, chunks);
        read_on(reader);
        return;
    }
    CHECK_INT(reader->came, chunks_of_each);
    router_stream_free(reader->stream);
    atomic_fetch_add(&ended, 1);
}

static void on_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    if (error != NULL)
        fail("a stream did not open", error);
    reader_t *reader = user_data;
    reader->stream = stream;
    if (!unread)
        read_on(reader);
    atomic_fetch_add(&opened, 1);
}

static void open_one(const router_t *router, reader_t *reader)
{
    CHECK(router_completion_stream_async(router, ASK("scale"), NUL, on_opened, reader, NULL, NULL));
    asked++;
}

static void wait_for(atomic_int *count, int most)
{
    double until = now_ms() + PATIENCE_MS;
    while (*count < most) {
        if (now_ms() > until) {
            fprintf(stderr, "%d opened and %d ended of %d after %d s\n", opened, ended, asked, PATIENCE_MS / 1000);
            _exit(1);
        }
        sleep_ms(1);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 5 || (argc == 6 && strcmp(argv[5], "unread") == 0));
    unread = argc == 6;
    int streams = atoi(argv[3]);
    chunks_of_each = atoi(argv[4]);
    CHECK(streams > 0 && chunks_of_each > 0);
    raise_open_files();
    reader_t *readers = calloc((size_t)streams + FIRST, sizeof *readers);
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: scale\n"
                                   "    litellm_params: {model: openai/scale, api_base: '%s%s', api_key: sk-scale}\n"
                                   "router_settings: {num_retries: 0}\n",
                                   argv[1], argv[2]);

    for (int i = 0; i < FIRST; i++)
        open_one(router, &readers[i]);
    wait_for(&opened, FIRST);
    long before = resident(), threads_before = threads();
    CHECK_INT(threads_before, 3); /* this one and two workers */

    double start = now_ms();
    for (int i = FIRST; i < FIRST + streams; i++) {
        open_one(router, &readers[i]);
        while (asked - opened >= MOST_OPENING)
            sleep_ms(1);
    }
    wait_for(&opened, FIRST + streams);
    double opening = now_ms() - start;
    /* The first may be over, the others not: now they are all open. */
    CHECK(ended <= FIRST);
    CHECK(in_flight(router) >= streams);

    long most = 0;
    if (unread) {
        /* By now as much waits in each as ever does, be there more to come. */
        sleep_ms(5000);
        most = status_field("VmRSS");
        CHECK(ended == 0);
        for (int i = 0; i < FIRST + streams; i++)
            read_on(&readers[i]);
    }
    while (!unread && ended <= FIRST) {
        long now = status_field("VmRSS");
        most = now > most ? now : most;
        CHECK_INT(threads(), threads_before);
        sleep_ms(50);
    }
    wait_for(&ended, FIRST + streams);
    double took = now_ms() - start;
    CHECK_INT(threads(), threads_before);
    CHECK_INT(chunks_in_all, (long)(FIRST + streams) * chunks_of_each);
    CHECK(router_shutdown(router, 10000));
    CHECK(in_flight(router) == 0);
    router_free(router);
    free(readers);

    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    double each = (double)(most - before) / streams;
    int allowed = MOST_KIB + (unread ? MOST_UNREAD_KIB : 0);
    printf("C %s: %d streams%s open after %.1f s, over after %.1f s; %ld chunks in %ld reads, %.1f us of CPU each; "
           "%ld threads; %.1f KiB a stream, allowed %d\n",
           argv[2], streams, unread ? ", unread for a while," : "", opening / 1e3, took / 1e3, chunks_in_all, reads, cpu / (double)chunks_in_all, threads_before, each,
           allowed);
    fflush(stdout);
    CHECK(most - before <= (long)allowed * streams + SPARE_KIB);
    return 0;
}
