/* exit() from main while calls are in flight and callbacks run: the process ends with the code it was given. */

#include "check.h"
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 40, CALLS = 500, EXIT_CODE = 7 };

static void callback(void *user_data, router_response_t *response, router_error_t *error)
{
    (void)user_data;
    router_response_free(response);
    router_error_free(error);
}

/* Some rounds leave at once, some in the midst of the callbacks. */
static void leave(int round)
{
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: gpt-4\n"
                                   "    litellm_params: {model: openai/gpt-4, mock_response: late, mock_delay_ms: 10}\n");
    for (int i = 0; i < CALLS; i++)
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, callback, NULL, NULL, NULL));
    sleep_ms(round % 20);
    exit(EXIT_CODE);
}

int main(void)
{
    printf("exit with %d calls in flight, %d times\n", CALLS, ROUNDS);
    fflush(stdout);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork(); /* before any router: so that each exit is a whole process's */
        CHECK(child >= 0);
        if (child == 0)
            leave(round);
        int status = 0, waited = 0;
        while (waitpid(child, &status, WNOHANG) == 0) {
            if (++waited > 10000) {
                fprintf(stderr, "round %d hangs\n", round);
                kill(child, SIGKILL);
                _exit(1);
            }
            sleep_ms(1);
        }
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), EXIT_CODE);
    }
    return 0;
}
