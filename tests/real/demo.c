/* For a person: who answers, what the router costs, and what a killed server costs (nothing). */

#include "client.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    router_t *router = open_router(argc, argv);

    printf("One model name, two llama.cpp servers.\n\n");
    printf("%4s  %-6s  %6s  %7s  %14s  %s\n", "call", "server", "tokens", "ms", "of it router", "answer");
    for (int i = 1; i <= 10; i++) {
        struct answer answer = ask(router, "tiny", "Which way to the sea?", 8);
        if (answer.ok)
            printf("%4d  %-6s  %6.0f  %7.2f  %14.3f %s\n", i, answer.server, answer.tokens, answer.ms, answer.overhead_ms,
                   answer.text);
        else
            printf("%4d  failed: %s\n", i, answer.error);
    }

    struct load load = {.router = router, .seconds = 8, .kill_at = 3, .victim = (pid_t)environment_number("PID_A")};
    printf("\n%d threads call for %d s; server A is killed (SIGKILL) after %d s.\n\n", THREADS, load.seconds, load.kill_at);
    run_load(&load);
    printf("%6s  %7s  %7s  %14s  %7s\n", "second", "A", "B", "second attempt", "failed");
    for (int second = 0; second < load.seconds; second++)
        printf("%6d  %7ld  %7ld  %14ld  %7ld%s\n", second + 1, load.by_a[second], load.by_b[second], load.retried[second],
               load.failed[second], second == load.kill_at ? "  <- A is dead" : "");
    printf("\n%ld calls, %ld answered at a second attempt, %ld failed.\n", load.calls, load.retries, load.failures);
    printf("The router's own time in a call: p50 %.3f ms, p99 %.3f ms.\n", load.overhead_p50_ms, load.overhead_p99_ms);
    if (load.failures > 0)
        printf("first failure: %s\n", load.error);
    router_free(router);
    return load.failures > 0;
}
