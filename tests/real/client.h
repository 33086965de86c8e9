/* What real.c and demo.c share: calls, what their answers say, and load from several threads. */

#ifndef CLIENT_H
#define CLIENT_H

#include "json.h"

#include <llmrouter.h>
#include <stdbool.h>
#include <sys/types.h>

/* What one call brought. */
struct answer {
    bool ok;
    char server[16];      /* id of the deployment that answered */
    char text[160];
    double prompt_tokens; /* as the server counted them */
    double tokens;
    double ms;            /* of the whole call, and the router's own part of it */
    double overhead_ms;
    int attempts;
    int32_t code;         /* on failure, with the HTTP status */
    int32_t status;
    char error[512];
};

/* Asks a model group for an answer of up to `tokens` tokens. */
struct answer ask(const router_t *router, const char *model, const char *question, int tokens);

enum { SECONDS = 60, THREADS = 8, SAMPLES = 1 << 20 };

/* One stretch of load: how long, who is killed when; and what came of it, second by second. */
struct load {
    const router_t *router;
    int seconds;
    pid_t victim;
    int kill_at;          /* seconds after the start */
    long by_a[SECONDS], by_b[SECONDS], retried[SECONDS], failed[SECONDS];
    long calls, retries, failures;
    double overhead_p50_ms, overhead_p99_ms;
    char error[512];      /* of the first failed call */
};

/* Calls from THREADS threads, each as fast as it is answered. */
void run_load(struct load *load);

/* Reads a number of the environment, or ends the program. */
long environment_number(const char *name);
/* Opens the router of the file that the first argument names, or ends the program. */
router_t *open_router(int argc, char **argv);

#endif
