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

static void in_child(router_response_t *inherited)
{
    double start = now_ms();
    router_error_t *error = NULL;
    CHECK(router_completion(router, ASK("gpt-4"), NUL, &error) == NULL);
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(!router_completion_async(router, ASK("gpt-4"), NUL, never, NULL, NULL, &error));
    CHECK_ERROR(error, ROUTER_ERROR_FORKED);
    CHECK(router_snapshot(router, NULL) == NULL);
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
    check_answers(own, ASK("gpt-4"), "hello");
    tally_t tally = TALLY;
    CHECK(router_completion_async(own, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, 1, 5);
    CHECK_INT(tally.succeeded, 1);
    router_free(own);
    _exit(0);
}

int main(void)
{
    printf("%d forks beside %d calling threads\n", FORKS, THREADS);
    fflush(stdout);
    router = router_from(config);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, load, NULL), 0);
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, NULL);
    CHECK(response != NULL);

    static tally_t tally = TALLY;
    for (int i = 0; i < FORKS; i++) {
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            in_child(response);
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
    return 0;
}
