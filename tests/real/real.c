/* The router against two real inference servers, A and B. The last check kills A. */

#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

/* Says whether something holds, and, where it doesn't, what was seen instead. */
__attribute__((format(printf, 3, 4))) static void check(bool holds, const char *what, const char *seen, ...)
{
    printf("%-6s %s", holds ? "ok" : "FAILED", what);
    if (!holds) {
        va_list arguments;
        va_start(arguments, seen);
        printf(": ");
        vprintf(seen, arguments);
        va_end(arguments);
        failures++;
    }
    printf("\n");
}

static void both_answer(const router_t *router)
{
    enum { CALLS = 100 };
    struct answer wrong = {.ok = true};
    int by_a = 0, by_b = 0, poor = 0;
    for (int i = 0; i < CALLS; i++) {
        struct answer answer = ask(router, "tiny", "Which way to the sea?", 12);
        by_a += strcmp(answer.server, "A") == 0;
        by_b += strcmp(answer.server, "B") == 0;
        if (!answer.ok || answer.text[0] == '\0' || answer.tokens < 1 || answer.prompt_tokens < 1) {
            poor++;
            wrong = answer;
        }
    }
    check(poor == 0, "answers have text and usage", "%d of %d do not; one: %s text \"%s\", %g tokens", poor, CALLS,
          wrong.error, wrong.text, wrong.tokens);
    check(by_a >= CALLS / 5 && by_b >= CALLS / 5, "both servers answer", "A %d, B %d", by_a, by_b);
}

static void wrong_key(const router_t *router)
{
    struct answer answer = ask(router, "locked", "Hello", 4);
    check(!answer.ok && answer.code == ROUTER_ERROR_AUTHENTICATION && answer.status == 401,
          "a refused key is an AuthenticationError", "code %d, status %d, %s", (int)answer.code, (int)answer.status,
          answer.error);
    check(strstr(answer.error, "sk-not-this-one") == NULL, "its message does not show the key", "%s", answer.error);
}

static bool nobody_is_benched(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    bool calm = snapshot != NULL && strstr(snapshot, "\"cooling\"") == NULL;
    router_string_free(snapshot);
    return calm;
}

static void too_long(const router_t *router)
{
    enum { WORDS = 3000 };
    char *question = malloc(WORDS * 6 + 1);
    if (question == NULL)
        abort();
    for (int i = 0; i < WORDS; i++)
        memcpy(question + (size_t)i * 6, "river ", 6);
    question[WORDS * 6] = '\0';
    struct answer answer = ask(router, "tiny", question, 4);
    free(question);
    /* The subclass where the error is recognised, or its parent. */
    bool class = answer.code == ROUTER_ERROR_CONTEXT_WINDOW_EXCEEDED || answer.code == ROUTER_ERROR_BAD_REQUEST;
    check(!answer.ok && class && answer.status == 400, "a prompt longer than the context is a BadRequestError",
          "code %d, status %d, %s", (int)answer.code, (int)answer.status, answer.error);
    check(nobody_is_benched(router), "and benches no server", "the snapshot shows one cooling");
}

static void one_dies(const router_t *router)
{
    enum { TOTAL = 6, KILL_AT = 2 };
    struct load load = {.router = router, .seconds = TOTAL, .kill_at = KILL_AT, .victim = (pid_t)environment_number("PID_A")};
    run_load(&load);
    long before_a = 0, before_b = 0, last_a = load.by_a[TOTAL - 1], last_b = load.by_b[TOTAL - 1];
    for (int second = 0; second < KILL_AT; second++) {
        before_a += load.by_a[second];
        before_b += load.by_b[second];
    }
    printf("       %ld calls from %d threads; before the kill A %ld, B %ld; in the last second A %ld, B %ld\n"
           "       %ld calls needed a second attempt, %ld of them in the last second\n",
           load.calls, THREADS, before_a, before_b, last_a, last_b, load.retries, load.retried[TOTAL - 1]);
    check(load.retries > 0, "the kill hits calls in flight", "all answers came at the first attempt");
    check(load.failures == 0, "no call fails when a server is killed under load", "%ld failed; the first: %s",
          load.failures, load.error);
    check(before_a > 0 && before_b > 0 && last_a == 0 && last_b > 0, "the load moves to the other server",
          "it did not");
    check(load.retried[TOTAL - 1] == 0, "the dead server is benched: nobody asks it any more",
          "%ld calls of the last second did", load.retried[TOTAL - 1]);
}

int main(int argc, char **argv)
{
    router_t *router = open_router(argc, argv);
    both_answer(router);
    too_long(router); /* before the refused key, which benches its own deployment */
    wrong_key(router);
    one_dies(router);
    router_free(router);
    return failures > 0;
}
