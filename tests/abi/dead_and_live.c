/* A dead deployment beside a live one: no call fails, the first included. dead_and_live <base URL> */

#include "check.h"
#include <arpa/inet.h>
#include <sys/socket.h>

enum { CALLS = 10000, AT_ONCE = 100, ROUTERS = 20 };

/* A port that nobody listens on: it was free a moment ago, and it stays ours, bound but not listening. */
static int dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int holder = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(holder >= 0 && bind(holder, (struct sockaddr *)&address, len) == 0);
    CHECK(getsockname(holder, (struct sockaddr *)&address, &len) == 0);
    return ntohs(address.sin_port);
}

static router_t *new_router(const char *base, int port)
{
    return router_from("model_list:\n"
                       "  - model_name: gpt-4\n"
                       "    litellm_params: {model: openai/gpt-4, api_base: \"http://127.0.0.1:%d/v1\", api_key: none}\n"
                       "    model_info: {id: dead}\n"
                       "  - model_name: gpt-4\n"
                       "    litellm_params: {model: openai/gpt-4, api_base: \"%s/live/v1\", api_key: none}\n"
                       "    model_info: {id: live}\n",
                       port, base);
}

static int retried;

static void check_one(const router_t *router)
{
    router_error_t *error = NULL;
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, &error);
    if (response == NULL)
        fprintf(stderr, "%s\n", router_error_json(error, NULL));
    CHECK(response != NULL);
    CHECK(strcmp(router_response_text(response, NULL), "hello from live") == 0);
    const char *metadata = router_response_metadata(response, NULL);
    CHECK(member_is(metadata, "deployment", "live"));
    /* At most one attempt is lost: an untried deployment is taken before a tried one. */
    int attempts = count(member(metadata, "attempts"), "\"status\"");
    CHECK(attempts == 1 || attempts == 2);
    retried += attempts == 2;
    router_response_free(response);
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 2);
    int port = dead_port();

    printf("the first call of each of %d routers\n", ROUTERS);
    for (int i = 0; i < ROUTERS; i++) {
        router_t *router = new_router(argv[1], port);
        check_one(router);
        router_free(router);
    }
    printf("%d of them met the dead deployment first\n", retried);
    CHECK(retried > 0);

    printf("%d calls, %d at once\n", CALLS, AT_ONCE);
    static tally_t tally = TALLY;
    router_t *router = new_router(argv[1], port);
    check_one(router);
    for (int i = 0; i < CALLS; i++) {
        CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
        tally_wait(&tally, i + 1 - AT_ONCE, 30);
    }
    tally_wait(&tally, CALLS, 30);
    CHECK_INT(tally.succeeded, CALLS);
    router_free(router);
    return 0;
}
