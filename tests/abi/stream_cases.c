/* Every row of tests/bindings/streams.json on each wire, opened and read by blocking functions and by callbacks.
 * stream_cases <base URL of the fake provider>, in the repository */

#include "check.h"
#include "stream_table.h"

enum { PIECES = 8 };

/* How one stream went. */
typedef struct {
    tally_t tally;
    router_stream_t *stream;
    char pieces[PIECES][32];
    int count, roles, ends;
    char id[64];
    bool one_id, again;
    router_error_t *error, *error_again; /* what ended it; what the read behind the end said */
} outcome_t;

static void note(outcome_t *outcome, struct json chunk)
{
    char id[64], piece[32];
    struct json choice, delta, reason;
    size_t place = 0;
    CHECK(!outcome->again);
    json_text(chunk, "id", id, sizeof id);
    if (outcome->id[0] == '\0')
        memcpy(outcome->id, id, sizeof id);
    outcome->one_id &= strcmp(outcome->id, id) == 0;
    if (!json_element(get(chunk, "choices"), &place, &choice))
        return;
    delta = get(choice, "delta");
    outcome->roles += json_member(delta, "role", &reason);
    outcome->ends += json_member(choice, "finish_reason", &reason) && reason.at[0] == '"';
    json_text(delta, "content", piece, sizeof piece);
    if (piece[0] != '\0') {
        CHECK(outcome->count < PIECES);
        memcpy(outcome->pieces[outcome->count++], piece, sizeof piece);
    }
}

static void blocking(const router_t *router, const char *request, size_t len, outcome_t *outcome)
{
    outcome->stream = router_completion_stream(router, request, len, &outcome->error);
    CHECK((outcome->stream == NULL) == (outcome->error != NULL));
    if (outcome->stream == NULL)
        return;
    int32_t status;
    struct json chunk;
    while ((status = router_stream_next(outcome->stream, &chunk.at, &chunk.len, &outcome->error)) == ROUTER_STREAM_CHUNK)
        note(outcome, chunk);
    CHECK((status == ROUTER_STREAM_ERROR) == (outcome->error != NULL));
    CHECK_INT(router_stream_next(outcome->stream, &chunk.at, &chunk.len, &outcome->error_again), status);
    CHECK(chunk.at == NULL);
    outcome->again = true;
}

static void finish(outcome_t *outcome)
{
    pthread_mutex_lock(&outcome->tally.lock);
    outcome->tally.ended = 1;
    pthread_cond_broadcast(&outcome->tally.changed);
    pthread_mutex_unlock(&outcome->tally.lock);
}

static void on_chunks(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    outcome_t *outcome = user_data;
    struct json list = {chunks, len}, chunk;
    CHECK((status == ROUTER_STREAM_CHUNK) == (chunks != NULL) && (status == ROUTER_STREAM_ERROR) == (error != NULL));
    for (size_t place = 0; chunks != NULL && json_element(list, &place, &chunk);)
        note(outcome, chunk);
    if (outcome->again) {
        outcome->error_again = error;
        finish(outcome);
        return;
    }
    outcome->error = error;
    outcome->again = status != ROUTER_STREAM_CHUNK;
    CHECK(router_stream_next_async(outcome->stream, 2, on_chunks, outcome, NULL));
}

static void on_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    outcome_t *outcome = user_data;
    CHECK((stream == NULL) != (error == NULL));
    outcome->stream = stream;
    outcome->error = error;
    if (stream == NULL)
        finish(outcome);
    else
        CHECK(router_stream_next_async(stream, 2, on_chunks, outcome, NULL));
}

static void by_callbacks(const router_t *router, const char *request, size_t len, outcome_t *outcome)
{
    CHECK(router_completion_stream_async(router, request, len, on_opened, outcome, NULL, NULL));
    tally_wait(&outcome->tally, 1, 30);
}

typedef void (*way_t)(const router_t *router, const char *request, size_t len, outcome_t *outcome);

/* One row on one wire, in one way. */
typedef struct {
    struct json row, wire;
    const char *base;
    way_t way;
} run_t;

static outcome_t stream(const run_t *run, const char *config)
{
    static char yaml[ROOM];
    struct json request = get(table, "request");
    outcome_t outcome = {.tally = TALLY, .one_id = true};
    fill(yaml, get(table, config), run->wire, run->base);
    unescape(yaml);
    router_t *router = router_from("%s", yaml);
    run->way(router, request.at, request.len, &outcome);
    CHECK(in_flight(router) == 0);
    router_free(router);
    return outcome;
}

static void dispose(outcome_t *outcome)
{
    router_error_free(outcome->error);
    router_error_free(outcome->error_again);
    router_stream_free(outcome->stream);
}

/* The error is the row's, and the first deployment's. */
static void check_error(const run_t *run, const router_error_t *error)
{
    struct json expected = get(run->row, "error"), object;
    object.at = router_error_json(error, &object.len);
    CHECK(object.at != NULL);
    object = get(object, "error");
    CHECK_INT(router_error_code(error), json_number(expected, "code"));
    CHECK_INT(router_error_http_status(error), json_number(expected, "status"));
    CHECK_INT(router_error_is_retryable(error), get(expected, "retryable").at[0] == 't');
    CHECK(is_text(get(expected, "class"), router_error_name(router_error_code(error))));
    CHECK(is_text(get(object, "deployment"), "first"));
    CHECK_INT(json_count(object, "attempts"), 1);
    char provider[32];
    json_text(object, "provider", provider, sizeof provider);
    CHECK(is_text(get(run->wire, "wire"), provider));
}

static void check_pieces(const outcome_t *outcome, const char *name)
{
    struct json pieces = get(table, name), piece;
    int count = 0;
    for (size_t place = 0; json_element(pieces, &place, &piece); count++)
        CHECK(count < outcome->count && is_text(piece, outcome->pieces[count]));
    CHECK_INT(outcome->count, count);
}

/* Who was tried, and how each ended: "first RateLimitError, second null". */
static void check_tried(const outcome_t *outcome, const char *expected)
{
    char tried[256] = "", deployment[32];
    struct json metadata, attempt;
    metadata.at = router_stream_metadata(outcome->stream, &metadata.len);
    for (size_t place = 0; json_element(get(metadata, "attempts"), &place, &attempt);) {
        struct json error = get(attempt, "error");
        int quote = error.at[0] == '"';
        json_text(attempt, "deployment", deployment, sizeof deployment);
        size_t len = strlen(tried);
        snprintf(tried + len, sizeof tried - len, "%s%s %.*s", len > 0 ? ", " : "", deployment,
                 (int)error.len - 2 * quote, error.at + quote);
    }
    if (strcmp(tried, expected) != 0) {
        fprintf(stderr, "tried: %s, not %s\n", tried, expected);
        _exit(1);
    }
}

/* One clean stream of one deployment, with nothing else in it. */
static void check_whole(const outcome_t *outcome, const char *pieces, const char *from)
{
    CHECK(outcome->stream != NULL && outcome->error == NULL && outcome->error_again == NULL && outcome->again);
    check_pieces(outcome, pieces);
    CHECK_INT(outcome->roles, 1);
    CHECK(outcome->ends <= 1 && outcome->one_id);
    CHECK_HOLDS(outcome->id, from);
    CHECK_HOLDS(router_stream_metadata(outcome->stream, NULL), "\"usage\":{");
}

static void fails_before(const run_t *run)
{
    char tried[128];
    struct json class = get(get(run->row, "error"), "class");
    outcome_t alone = stream(run, "alone");
    CHECK(alone.stream == NULL);
    check_error(run, alone.error);
    dispose(&alone);

    outcome_t beside = stream(run, "beside");
    check_whole(&beside, "clean", "second");
    snprintf(tried, sizeof tried, "first %.*s, second null", (int)class.len - 2, class.at + 1);
    check_tried(&beside, tried);
    CHECK(member_is(router_stream_metadata(beside.stream, NULL), "deployment", "second"));
    CHECK(strstr(router_stream_metadata(beside.stream, NULL), "usage_estimated") == NULL);
    dispose(&beside);
}

static void fails_after(const run_t *run)
{
    char tried[128];
    struct json class = get(get(run->row, "error"), "class");
    outcome_t outcome = stream(run, "beside");
    CHECK(outcome.stream != NULL && outcome.again);
    check_pieces(&outcome, "begun");
    check_error(run, outcome.error);
    check_error(run, outcome.error_again);
    snprintf(tried, sizeof tried, "first %.*s", (int)class.len - 2, class.at + 1);
    check_tried(&outcome, tried);
    CHECK_HOLDS(router_stream_metadata(outcome.stream, NULL), "\"usage_estimated\":true");
    dispose(&outcome);
}

static void succeeds(const run_t *run)
{
    outcome_t outcome = stream(run, "beside");
    check_whole(&outcome, "begun", "first");
    check_tried(&outcome, "first null");
    dispose(&outcome);
}

static void each(const char *base, const char *when, void (*check)(const run_t *run))
{
    static char reply[ROOM];
    static const way_t ways[] = {blocking, by_callbacks};
    struct json row, wire;
    int rows = 0;
    for (size_t at_row = 0; json_element(get(table, when), &at_row, &row); rows++) {
        for (size_t at_wire = 0; json_element(get(table, "wires"), &at_wire, &wire);) {
            struct json name = get(row, "name"), speaks = get(wire, "wire");
            printf("%s: %.*s, %.*s\n", when, (int)name.len, name.at, (int)speaks.len, speaks.at);
            fflush(stdout);
            fill(reply, get(row, "reply"), wire, base);
            for (int way = 0; way < 2; way++) {
                play(base, reply);
                double start = now_ms();
                check(&(run_t){row, wire, base, ways[way]});
                CHECK(now_ms() - start < json_number(table, "within_ms"));
            }
        }
    }
    CHECK(rows > 3);
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 2);
    read_table();
    each(argv[1], "before", fails_before);
    each(argv[1], "after", fails_after);
    each(argv[1], "whole", succeeds);
    return 0;
}
