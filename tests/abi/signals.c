/* Signals belong to the host: the library sets no handler, no mask and no stack of it, and its own threads take none. */

#include "check.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>

typedef struct {
    struct sigaction actions[65];
    stack_t stack;
    sigset_t mask;
} signals_t;

/* Zeroed first, so that padding compares equal. */
static void take(signals_t *signals)
{
    memset(signals, 0, sizeof *signals);
    for (int number = 1; number <= 64; number++)
        sigaction(number, NULL, &signals->actions[number]);
    CHECK(sigaltstack(NULL, &signals->stack) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &signals->mask) == 0);
}

static void check_same(const signals_t *before, const char *when)
{
    signals_t now;
    take(&now);
    for (int number = 1; number <= 64; number++)
        if (now.actions[number].sa_handler != before->actions[number].sa_handler ||
            now.actions[number].sa_flags != before->actions[number].sa_flags) {
            fprintf(stderr, "the action of signal %d has changed %s\n", number, when);
            _exit(1);
        }
    CHECK(memcmp(&now.mask, &before->mask, sizeof now.mask) == 0);
    CHECK(now.stack.ss_sp == before->stack.ss_sp && now.stack.ss_size == before->stack.ss_size &&
          now.stack.ss_flags == before->stack.ss_flags);
    CHECK(now.actions[SIGPIPE].sa_handler == SIG_DFL);
}

/* Every thread but this one blocks all that can be blocked. */
static void check_library_threads(void)
{
    /* SIGKILL and SIGSTOP can't be blocked, and glibc keeps 32 and 33 for itself. */
    const unsigned long long beyond = 1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << 31 | 1ULL << 32;
    int threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.' || atoi(task->d_name) == getpid())
            continue;
        char path[300], line[256], name[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(path, "r");
        CHECK(status != NULL);
        while (fgets(line, sizeof line, status) != NULL) {
            if (strncmp(line, "Name:", 5) == 0)
                sscanf(line + 5, "%63s", name);
            if (strncmp(line, "SigBlk:", 7) == 0 && (strtoull(line + 7, NULL, 16) | beyond) != ~0ULL) {
                fprintf(stderr, "thread %s takes signals: %s", name, line);
                _exit(1);
            }
        }
        fclose(status);
        threads++;
    }
    closedir(tasks);
    printf("library threads: %d\n", threads);
    CHECK(threads > 0);
}

/* A provider that reads a little and resets the connection. */
static void *reset_all(void *listener)
{
    for (;;) {
        int connection = accept(*(int *)listener, NULL, NULL);
        if (connection < 0)
            return NULL;
        char head[16];
        struct linger at_once = {1, 0};
        (void)!read(connection, head, sizeof head);
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(connection);
    }
}

static void resets(void)
{
    say("a provider that resets every connection: errors, no SIGPIPE");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 64) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    pthread_t provider;
    CHECK_INT(pthread_create(&provider, NULL, reset_all, &listener), 0);

    router_t *router = router_from("model_list:\n"
                                   "  - model_name: gpt-4\n"
                                   "    litellm_params: {model: openai/gpt-4, api_base: \"http://127.0.0.1:%d/v1\", api_key: none}\n"
                                   "router_settings: {num_retries: 0, disable_cooldowns: true}\n",
                                   ntohs(address.sin_port));
    /* Long enough that the library still writes when the reset arrives. */
    static char request[4 << 20];
    int start = snprintf(request, sizeof request, "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"");
    memset(request + start, 'x', sizeof request - 10 - (size_t)start);
    strcpy(request + sizeof request - 10, "\"}]}");
    for (int i = 0; i < 20; i++) {
        router_error_t *error = NULL;
        CHECK(router_completion(router, request, NUL, &error) == NULL);
        CHECK_ERROR(error, ROUTER_ERROR_API_CONNECTION);
    }
    router_free(router);
    shutdown(listener, SHUT_RDWR);
    pthread_join(provider, NULL);
    close(listener);
}

int main(void)
{
    signals_t before;
    take(&before);

    say("handlers, mask and alternate stack: untouched by loading, calling, freeing");
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: gpt-4\n"
                                   "    litellm_params: {model: openai/gpt-4, mock_response: hello}\n");
    check_same(&before, "by making a router");
    check_answers(router, ASK("gpt-4"), "hello");
    tally_t tally = TALLY;
    CHECK(router_completion_async(router, ASK("gpt-4"), NUL, tally_done, &tally, NULL, NULL));
    tally_wait(&tally, 1, 10);
    check_same(&before, "by calls");
    check_library_threads();
    router_free(router);
    check_same(&before, "by freeing a router");

    resets();
    check_same(&before, "by resets");
    return 0;
}
