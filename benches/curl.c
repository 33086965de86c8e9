/* libcurl as a contender: one easy handle kept alive when one call is in flight, the multi interface when there are more.
 * Speaks the runner's protocol: the task in BENCH_… variables, the outcome as one JSON line. */

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void die(const char *what)
{
    fprintf(stderr, "curl.c: %s\n", what);
    exit(1);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        die(name);
    return value;
}

/* One of the calls in flight: its handle, the answer so far, when it began. */
struct slot {
    CURL *easy;
    char *answer;
    size_t len;
    double started;
};

struct tally {
    double *latency;
    size_t calls, failed;
    char error[CURL_ERROR_SIZE];
};

static size_t keep(char *data, size_t size, size_t count, void *user)
{
    struct slot *slot = user;
    size_t more = size * count;
    char *grown = realloc(slot->answer, slot->len + more + 1);
    if (grown == NULL)
        return 0;
    slot->answer = grown;
    memcpy(slot->answer + slot->len, data, more);
    slot->len += more;
    return more;
}

static void begin(struct slot *slot)
{
    slot->len = 0;
    slot->started = now_us();
}

static void finish(struct slot *slot, CURLcode code, struct tally *tally)
{
    long status = 0;
    tally->latency[tally->calls++] = now_us() - slot->started;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    if ((code != CURLE_OK || status != 200 || slot->len == 0) && tally->failed++ == 0)
        snprintf(tally->error, sizeof tally->error, "status %ld: %s", status, curl_easy_strerror(code));
}

static void one_by_one(struct slot *slot, size_t calls, struct tally *tally)
{
    while (tally->calls < calls) {
        begin(slot);
        finish(slot, curl_easy_perform(slot->easy), tally);
    }
}

static void together(CURLM *multi, struct slot *slots, size_t in_flight, size_t calls, struct tally *tally)
{
    size_t begun = 0;
    for (; begun < in_flight && begun < calls; begun++) {
        begin(&slots[begun]);
        curl_multi_add_handle(multi, slots[begun].easy);
    }
    while (tally->calls < calls) {
        int running, left;
        CURLMsg *message;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            die("curl_multi_perform failed");
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            struct slot *slot;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
            curl_multi_remove_handle(multi, slot->easy);
            finish(slot, code, tally);
            if (begun < calls) {
                begun++;
                begin(slot);
                curl_multi_add_handle(multi, slot->easy);
            }
        }
        if (tally->calls < calls && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
            die("curl_multi_poll failed");
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct tally *tally, double share)
{
    return tally->latency[(size_t)((double)(tally->calls - 1) * share + 0.5)];
}

static char *read_file(const char *path, long *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    if (file == NULL || text == NULL)
        die(path);
    *len = (long)fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

int main(void)
{
    size_t in_flight = strtoul(variable("BENCH_IN_FLIGHT"), NULL, 10);
    size_t calls = strtoul(variable("BENCH_CALLS"), NULL, 10);
    size_t warmup = strtoul(variable("BENCH_WARMUP"), NULL, 10);
    long len;
    char *request = read_file(variable("BENCH_REQUEST"), &len);
    struct slot *slots = calloc(in_flight, sizeof *slots);
    struct tally tally = {.latency = calloc((calls > warmup ? calls : warmup) + 1, sizeof(double))};
    struct curl_slist *headers = NULL;
    CURLM *multi;

    if (in_flight == 0 || calls == 0 || slots == NULL || tally.latency == NULL)
        die("nothing to do, or no memory");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    headers = curl_slist_append(headers, "authorization: Bearer sk-bench-0123456789abcdef0123456789abcdef");
    headers = curl_slist_append(headers, "content-type: application/json");
    headers = curl_slist_append(headers, "Expect:"); /* no round trip to ask whether the body is welcome */
    for (size_t i = 0; i < in_flight; i++) {
        CURL *easy = slots[i].easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_URL, variable("BENCH_URL"));
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, len);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &slots[i]);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &slots[i]);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }

    double wall = 0, cpu = 0;
    for (int measured = 0; measured < 2; measured++) {
        size_t count = measured ? calls : warmup;
        tally.calls = tally.failed = 0;
        wall = now_us(), cpu = cpu_us();
        if (in_flight == 1)
            one_by_one(slots, count, &tally);
        else
            together(multi, slots, in_flight, count, &tally);
        wall = now_us() - wall, cpu = cpu_us() - cpu;
    }

    /* One thread, which is here: idling costs nothing that would have to be taken off. */
    qsort(tally.latency, tally.calls, sizeof(double), ascending);
    printf("{\"calls\":%zu,\"failed\":%zu,\"wall_us\":%.1f,\"cpu_us\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f", tally.calls,
           tally.failed, wall, cpu, percentile(&tally, 0.50), percentile(&tally, 0.99));
    if (tally.failed > 0)
        printf(",\"error\":\"%s\"", tally.error);
    puts("}");
    return 0;
}
