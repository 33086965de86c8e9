/* The password of a Redis stays a secret, with one that is not there, one that refuses it, and one that repeats it. */

#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* Long enough for servers that cut what they repeat in the midst of it. */
#define CANARY "redis-canary-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-5f1c9a77e3-end"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int records, of_store, events;

static void check_clean(const char *where, const char *text)
{
    if (text != NULL && (strstr(text, "5f1c9a77") != NULL || strstr(text, "redis-canary") != NULL)) {
        fprintf(stderr, "the password is in the %s: %s\n", where, text);
        _exit(1);
    }
}

static void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_clean("log", json);
    pthread_mutex_lock(&lock);
    records++;
    of_store += strstr(json, "127.0.0.1") != NULL;
    pthread_mutex_unlock(&lock);
}

static void hear_event(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)level, (void)len;
    check_clean("event", json);
    pthread_mutex_lock(&lock);
    events++;
    pthread_mutex_unlock(&lock);
}

/* A server that answers every question with an error. */
typedef struct {
    bool repeats; /* takes the password and then repeats it in its errors; else it refuses the password */
    const char *why; /* what the snapshot is to say of it */
    int listener, port;
    int seen; /* passwords; under `lock` */
} server_t;

typedef struct {
    server_t *server;
    int socket;
    char password[256]; /* what the password came with */
} guest_t;

static void answer(guest_t *guest, const char *asked)
{
    char text[512] = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    const char *named = strstr(asked, "AUTH");
    int questions = count(asked, "\r\n*") + (*asked == '*');
    if (named != NULL) {
        pthread_mutex_lock(&lock);
        guest->server->seen += strstr(asked, CANARY) != NULL;
        pthread_mutex_unlock(&lock);
        snprintf(guest->password, sizeof guest->password, "%s", named);
        for (char *at = guest->password; *at != '\0'; at++)
            *at = *at == '\r' || *at == '\n' ? ' ' : *at;
    }
    if (guest->server->repeats) {
        snprintf(text, sizeof text, "-ERR unknown command, with args beginning with: %.100s\r\n", guest->password);
        if (named != NULL && questions-- > 0)
            send(guest->socket, "+OK\r\n", 5, MSG_NOSIGNAL);
    }
    while (questions-- > 0 && send(guest->socket, text, strlen(text), MSG_NOSIGNAL) > 0) {
    }
}

static void *entertain(void *argument)
{
    guest_t *guest = argument;
    char asked[16384];
    ssize_t len;
    while ((len = recv(guest->socket, asked, sizeof asked - 1, 0)) > 0) {
        asked[len] = '\0';
        answer(guest, asked);
    }
    close(guest->socket);
    free(guest);
    return NULL;
}

static void detached(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, argument), 0);
    pthread_detach(thread);
}

static void *serve(void *argument)
{
    server_t *server = argument;
    for (int socket; (socket = accept(server->listener, NULL, NULL)) >= 0;) {
        guest_t *guest = malloc(sizeof *guest);
        CHECK(guest != NULL);
        *guest = (guest_t){.server = server, .socket = socket};
        detached(entertain, guest);
    }
    return NULL;
}

static void start(server_t *server, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(server->listener >= 0);
    CHECK_INT(bind(server->listener, (struct sockaddr *)&address, size), 0);
    CHECK_INT(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    /* A port that is bound and not listened on refuses, and is nobody else's. */
    if (!listens)
        return;
    CHECK_INT(listen(server->listener, 64), 0);
    detached(serve, server);
}

static int seen(server_t *server)
{
    pthread_mutex_lock(&lock);
    int passwords = server->seen;
    pthread_mutex_unlock(&lock);
    return passwords;
}

static char *checked_snapshot(const router_t *router)
{
    char *snapshot = router_snapshot(router, NULL);
    CHECK(snapshot != NULL);
    check_clean("snapshot", snapshot);
    return snapshot;
}

/* Whether the snapshot says that its store failed, and why. */
static bool has_failed(const router_t *router, const char *why)
{
    char *snapshot = checked_snapshot(router);
    const char *failed = member(snapshot, "last_error");
    char text[512] = "";
    if (failed != NULL && *failed == '"')
        snprintf(text, sizeof text, "%.*s", (int)strcspn(failed + 1, "\""), failed + 1);
    router_string_free(snapshot);
    bool has = *text != '\0' && strstr(text, why) != NULL;
    if (has)
        printf("    %s\n", text);
    return has;
}

static void call(const router_t *router)
{
    router_error_t *error = NULL;
    router_response_t *response = router_completion(router, ASK("gpt-4"), NUL, &error);
    if (response != NULL)
        check_clean("metadata", router_response_metadata(response, NULL));
    check_clean("error's message", router_error_message(error));
    check_clean("error's JSON", router_error_json(error, NULL));
    router_response_free(response);
    router_error_free(error);
    char *plan = router_explain(router, ASK("gpt-4"), NUL, NULL, NULL);
    check_clean("plan", plan);
    router_string_free(plan);
}

/* A router whose store is this one, until it has found out that it can't be used. */
static void use(const char *what, const char *settings, const server_t *server, const char *why)
{
    say(what);
    char section[2048];
    snprintf(section, sizeof section, settings, server->port);
    router_t *router = router_from("model_list:\n"
                                   "  - model_name: gpt-4\n"
                                   "    litellm_params: {model: openai/gpt-4, mock_response: x, rpm: 1000}\n"
                                   "llmrouter_settings: {redis_failure: fail_closed}\n"
                                   "set_verbose: true\n"
                                   "%s",
                                   section);
    CHECK(router_set_event_listener(router, hear_event, NULL));
    double end = now_ms() + 20000;
    for (int calls = 0; calls < 5 || !has_failed(router, why); calls++) {
        CHECK(now_ms() < end);
        call(router);
        sleep_ms(20);
    }
    call(router);
    router_string_free(checked_snapshot(router));
    router_free(router);
}

static void refused(const char *settings)
{
    router_error_t *error = NULL;
    CHECK(router_new_from_yaml(settings, NUL, &error) == NULL);
    CHECK(error != NULL);
    printf("%s\n", router_error_message(error));
    check_clean("error's message", router_error_message(error));
    check_clean("error's JSON", router_error_json(error, NULL));
    router_error_free(error);
}

#define ROUTER "router_settings: "
#define CACHE "litellm_settings: {cache: true, cache_params: "

static const struct {
    const char *what, *settings;
    bool sends; /* the password reaches the server */
} places[] = {
    {"a password", ROUTER "{redis_host: 127.0.0.1, redis_port: %d, redis_password: " CANARY "}\n", true},
    {"a password and a name",
     ROUTER "{redis_host: 127.0.0.1, redis_port: %d, redis_password: " CANARY ", cache_kwargs: {username: me}}\n", true},
    {"a URL", ROUTER "{redis_url: \"redis://me:" CANARY "@127.0.0.1:%d/1\"}\n", true},
    {"a variable", ROUTER "{redis_host: 127.0.0.1, redis_port: %d, redis_password: os.environ/CANARY}\n", true},
    {"the cache's password", CACHE "{type: redis, host: 127.0.0.1, port: %d, password: " CANARY "}}\n", true},
    {"the cache's URL", CACHE "{type: redis, url: \"redis://:" CANARY "@127.0.0.1:%d\"}}\n", true},
    {"a cluster",
     CACHE "{type: redis, redis_startup_nodes: [{host: 127.0.0.1, port: %d}], password: " CANARY "}}\n", true},
    {"sentinels",
     CACHE "{type: redis, sentinel_nodes: [[127.0.0.1, %d]], service_name: mine, sentinel_password: " CANARY
           ", password: " CANARY "}}\n",
     true},
    {"TLS", ROUTER "{redis_url: \"rediss://me:" CANARY "@127.0.0.1:%d\"}\n", false},
};

int main(void)
{
    CHECK(router_set_log_listener(hear, NULL, ROUTER_LOG_TRACE));
    setenv("CANARY", CANARY, 1);
    server_t nobody = {.why = "connection refused"}, refuses = {.why = "authentication failed"};
    server_t repeats = {.repeats = true, .why = "[redacted]"};
    start(&nobody, false);
    start(&refuses, true);
    start(&repeats, true);
    server_t *servers[] = {&nobody, &refuses, &repeats};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (size_t s = 0; s < 3; s++) {
            int before = seen(servers[s]);
            bool is_heard = s == 0 || places[i].sends;
            use(places[i].what, places[i].settings, servers[s], is_heard ? servers[s]->why : "");
            /* A test that never sends it would prove nothing. */
            CHECK(s == 0 || !places[i].sends || seen(servers[s]) > before);
        }
    }

    say("configuration: an error beside a password");
    refused("router_settings: {redis_url: \"http://me:" CANARY "@127.0.0.1\"}\n");
    refused("router_settings: {redis_url: \"redis://me:" CANARY "@127.0.0.1:port\"}\n");
    refused("router_settings: {redis_url: \"redis://me:" CANARY "@127.0.0.1/zero\"}\n");
    refused("router_settings: {redis_host: a, redis_password: [" CANARY "]}\n");
    refused("router_settings: {redis_host: a, redis_pasword: " CANARY "}\n");
    refused("router_settings: {redis_host: a, redis_port: " CANARY "}\n");
    refused("router_settings: {redis_host: a, redis_password: " CANARY "\n");
    refused("litellm_settings: {cache: true, cache_params: {type: redis, url: \"" CANARY "\"}}\n");
    refused("litellm_settings: {cache: true, cache_params: {type: redis, host: a, password: {a: " CANARY "}}}\n");

    CHECK(router_set_log_listener(NULL, NULL, ROUTER_LOG_OFF));
    printf("log records heard: %d, of a store: %d; events: %d\n", records, of_store, events);
    CHECK(events > 0);
    CHECK(of_store > 0);
    return 0;
}
