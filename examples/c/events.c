/* A custom callback: one line for each attempt and each call, when it has ended.
 *
 *   cc events.c $(pkg-config --cflags --libs llmrouter) -o events && ./events ../config/events.yaml
 */

#include <llmrouter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies the value of the first member `name`: enough to show an event; a service would parse it. */
static const char *member(const char *json, const char *name, char value[64])
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(json, quoted);
    strcpy(value, "?");
    if (at == NULL)
        return value;
    at += strlen(quoted);
    at += strspn(at, " \"");
    snprintf(value, 64, "%.*s", (int)strcspn(at, "\",}"), at);
    return value;
}

/* On one thread of the library, one event after the other. The text is lent until this returns. */
static void show(void *user_data, int32_t level, const char *json, size_t len)
{
    (void)user_data, (void)len;
    char event[64], who[64], group[64], number[64], value[64];
    const char *name = level == ROUTER_LOG_ERROR ? "ERROR" : level == ROUTER_LOG_WARN ? "WARN" : "INFO";
    if (strcmp(member(json, "event", event), "call") == 0)
        printf("%-5s call of %s: ", name, member(json, "requested_model", who));
    else
        printf("%-5s attempt %s at %s of %s: ", name, member(json, "attempt", number), member(json, "deployment", who),
               member(json, "model_group", group));
    if (strcmp(member(json, "status", value), "success") == 0) {
        printf("answered, %s tokens, ", member(json, "total_tokens", value));
        printf("$%.4f, ", atof(member(json, "response_cost", value)));
    } else {
        printf("%s, ", member(json, "error_class", value));
    }
    printf("%.1f ms\n", atof(member(json, "total_ms", value)));
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/events.yaml";
    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    if (router == NULL || !router_set_event_listener(router, show, NULL)) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }
    static const char *requests[] = {
        "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}",
        "{\"model\": \"gpt-4-turbo\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}",
        "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        /* What fails is heard by the listener. */
        router_response_free(router_completion(router, requests[i], ROUTER_NUL_TERMINATED, &error));
        router_error_free(error);
        error = NULL;
    }
    /* Waits until the listener has heard the last event. */
    router_free(router);
    return 0;
}
