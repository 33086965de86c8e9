/* fork() beside a router under load: in the child it refuses at once, a new one works there, the parent notices nothing. */

#include "check.h"
#include <signal.h>
#include <sys/wait.h>

enum { FORKS = 50, THREADS = 4, AT_ONCE_MS = 200 };

static const char config[] = "model_list:\n"
                             "  - model_name: gpt-4\n"
                             "    litellm_params: {model: openai/gpt-4, mock_response: hello, mock_delay_ms: 1}\n";

static router_t *router;
static bool stop;

static int events, of_child;

static void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)level, (void)json, (void)len;
    __atomic_add_fetch((int *)user_data, 1, __ATOMIC_RELAXED);
}

static void *load(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        check_answers(router, ASK("gpt-4"), "hello");
    return NULL;
}

static void never(void *user_data, router_response_t *response, router_error_t *error)
{
    (void)user_data, (void)response, (void)error;
    CHECK(!"a callback for a call that was not accepted");
}

static void never_opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    (void)stream;
    never(user_data, NULL, error);
}

static void never_read(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    (void)status, (void)chunks, (void)len;
    never(user_data, NULL, error);
}

/* What was opened before the fork has nobody who reads on. */
static void stream_in_child(router_stream_t *inherited)
{
    router_error_t *error = NULL;
    const char *chunk = "left from before";
    CHECK_INT(router_stream_next(inherited, &chunk, NULL, &error), ROUTER_STREAM_ERROR);
    CHECK(chunk == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_stream_next_async(inherited, 1, never_read, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK_HOLDS(router_stream_metadata(inherited, NULL), "\"model_group\":\"gpt-4\"");
    router_stream_cancel(inherited);
    router_stream_free(inherited);
}

static void in_child(router_response_t *inherited, router_stream_t *stream)
{
    double start = now_ms();
    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_completion_async(router, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(router_embedding(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_embedding_async(router, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(router_request(router, "/responses", NUL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_request_async(router, "/responses", NUL, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(router_completion_stream(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(router_request_stream(router, "/responses", NUL, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_request_stream_async(router, "/responses", NUL, ASK("gpt-4"), NUL, never_opened, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    stream_in_child(stream);
    CHECK(!router_set_event_listener(router, hear, &of_child));
    CHECK(!router_set_event_listener(router, NULL, NULL));
    CHECK(router_snapshot(router, NULL) == NULL);
    CHECK(router_metrics(router, NULL) == NULL);
    CHECK(router_explain(router, ASK("gpt-4"), NUL, NULL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    router_cancel(router, 1);
    router_shutdown(router, 60000);
    router_free(router);
    CHECK(now_ms() - start < AT_ONCE_MS);

    /* What the parent made before is memory like any other. */
    CHECK(strcmp(router_response_text(inherited, NULL), "hello") == 0);
    CHECK(router_response_metadata(inherited, NULL) != NULL);

    router_t *own = router_from(config);
    int heard = __atomic_load_n(&events, __ATOMIC_RELAXED);
    CHECK(router_set_event_listener(own, hear, &of_child));
    check_answers(own, ASK("gpt-4"), "hello");
    tally_t tally = TALLY;
    CHECK(router_completion_async(own, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, 1, 5);
    CHECK_INT(tally.succeeded, 1);
    router_response_t *vector = router_embedding(own, ASK("gpt-4"), NUL, NULL);
    CHECK(vector != NULL);
    router_response_free(vector);
    router_stream_t *fresh = router_completion_stream(own, ASK("gpt-4"), NUL, NULL);
    CHECK(fresh != NULL);
    CHECK_INT(router_stream_next(fresh, NULL, NULL, NULL), ROUTER_STREAM_CHUNK);
    router_stream_free(fresh);
    router_free(own);
    /* Two of each call, and the parent's listener is not here. */
    CHECK_INT(of_child, 8);
    CHECK_INT(__atomic_load_n(&events, __ATOMIC_RELAXED), heard);
    _exit(0);
}

int main(void)
{
    printf("%d forks beside %d calling threads\n", FORKS, THREADS);
    fflush(stdout);
    router = router_from(config);
    CHECK(router_set_event_listener(router, hear, &events));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, load, NULL), 0);
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, NULL);
    CHECK(response != NULL);

    static tally_t tally = TALLY;
    for (int i = 0; i < FORKS; i++) {
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
        router_stream_t *stream = router_completion_stream(router, ASK("gpt-4"), NUL, NULL);
        CHECK(stream != NULL);
        /* Before a read and behind one. */
        if (i % 2 == 0)
            CHECK_INT(router_stream_next(stream, NULL, NULL, NULL), ROUTER_STREAM_CHUNK);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            in_child(response, stream);
        int status = 0, waited = 0;
        while (waitpid(child, &status, WNOHANG) == 0) {
            if (++waited > 10000) {
                fprintf(stderr, "child %d hangs\n", i);
                kill(child, SIGKILL);
                _exit(1);
            }
            sleep_ms(1);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "child %d: status %x\n", i, (unsigned)status);
            _exit(1);
        }
        /* Here it goes on to its end. */
        while (router_stream_next(stream, NULL, NULL, NULL) == ROUTER_STREAM_CHUNK)
            ;
        CHECK_HOLDS(router_stream_metadata(stream, NULL), "\"total_tokens\":30");
        router_stream_free(stream);
    }

    say("the parent goes on");
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    tally_wait(&tally, FORKS, 10);
    CHECK_INT(tally.succeeded, FORKS);
    check_answers(router, ASK("gpt-4"), "hello");
    router_response_free(response);
    router_free(router);
    printf("%d events were heard\n", events);
    CHECK(events > FORKS * 4);
    return 0;
}
