/* What happens when deployments fail: who was tried, why it failed, who answered.
 *
 *   cc failover.c $(pkg-config --cflags --libs llmrouter) -o failover && ./failover ../config/failover.yaml
 */

#include <llmrouter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies the value of the first member `name` between `json` and `end`: enough to show metadata; a service would parse it. */
static const char *member(const char *json, const char *end, const char *name, char value[64])
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(json, quoted);
    strcpy(value, "?");
    if (at == NULL || at >= end)
        return value;
    at += strlen(quoted);
    at += strspn(at, " \"");
    snprintf(value, 64, "%.*s", (int)strcspn(at, "\",}"), at);
    return value;
}

/* One line for each attempt, from the metadata. */
static void show_attempts(const char *metadata)
{
    char deployment[64], group[64], error[64], overhead[64];
    const char *attempts = strstr(metadata, "\"attempts\":[");
    const char *last = attempts ? strchr(attempts, ']') : NULL;
    for (const char *at = attempts; at != NULL && (at = strchr(at, '{')) != NULL && at < last; at++) {
        const char *end = strchr(at, '}');
        member(at, end, "deployment", deployment);
        member(at, end, "model_group", group);
        member(at, end, "error", error);
        printf("    %-12s of %-12s %s\n", deployment, group, strcmp(error, "null") == 0 ? "answered" : error);
    }
    const char *end = metadata + strlen(metadata);
    printf("    router's own time: %.6s ms\n", member(metadata, end, "overhead_ms", overhead));
}

static int ask(const router_t *router, const char *title, const char *request)
{
    router_error_t *error = NULL;
    router_response_t *answer = router_completion(router, request, ROUTER_NUL_TERMINATED, &error);
    printf("%s\n", title);
    if (answer == NULL) {
        printf("    failed: %s: %s\n", router_error_name(router_error_code(error)), router_error_message(error));
        router_error_free(error);
        return 1;
    }
    show_attempts(router_response_metadata(answer, NULL));
    router_response_free(answer);
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/failover.yaml";
    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    if (router == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }

    int failures = 0;
    failures += ask(router, "gpt-4, whose first deployment is dead: retried on the next one",
                    "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}");
    failures += ask(router, "gpt-4-turbo, whose only deployment is overloaded: falls back to gpt-4",
                    "{\"model\": \"gpt-4-turbo\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}");
    router_free(router);
    return failures;
}
