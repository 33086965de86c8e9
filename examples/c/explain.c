/* What would happen to a request, without sending it: who would be asked, in which order, and who would not and why.
 *
 *   cc explain.c $(pkg-config --cflags --libs llmrouter) -o explain && ./explain ../config/explain.yaml
 */

#include <llmrouter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 160 };

static const char request[] = "{\"model\": \"best\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";

/* Copies the first member `name` between `json` and `end`; false if it is null or not there. Enough to show a plan: a
 * service would parse it. */
static bool member(const char *json, const char *end, const char *name, char value[SIZE])
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(json, quoted);
    if (at == NULL || at >= end || strncmp(at += strlen(quoted), "null", 4) == 0)
        return false;
    bool is_text = *at == '"';
    int len = 0;
    for (at += is_text; *at != '\0' && strchr(is_text ? "\"" : ",}", *at) == NULL && len < SIZE - 1; at++) {
        at += *at == '\\';
        value[len++] = *at;
    }
    value[len] = '\0';
    return true;
}

/* A line for each group, in the order in which they would be visited, and for each of its deployments. */
static void show(const char *title, const char *plan)
{
    char name[SIZE] = "nobody", how[SIZE] = "unknown", share[SIZE], why[SIZE];
    const char *at = strstr(plan, "\"groups\":["), *last = strstr(plan, "\"fallbacks\":{");
    member(plan, at, "group", name);
    member(plan, at, "how", how);
    printf("%s best is %s, by its %s\n", title, name, how);

    while (at != NULL && (at = strchr(at + 1, '{')) != NULL && at < last) {
        if (strncmp(at, "{\"name\":", 8) == 0) {
            const char *end = strstr(at, "\"deployments\":");
            member(at, end, "name", name);
            bool skipped = member(at, end, "skipped", why);
            printf("    %s%s%s\n", name, skipped ? ": " : "", skipped ? why : "");
        } else if (strncmp(at, "{\"id\":", 6) == 0) {
            const char *end = strchr(at, '}');
            member(at, end, "id", name);
            member(at, end, "share", share);
            bool skipped = member(at, end, "skipped", why);
            printf("        %-8s %3.0f %%%s%s\n", name, 100 * atof(share), skipped ? "  " : "", skipped ? why : "");
        }
    }
}

static int explain(const router_t *router, const char *title)
{
    router_error_t *error = NULL;
    char *plan = router_explain(router, request, ROUTER_NUL_TERMINATED, NULL, &error);
    if (plan == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }
    show(title, plan);
    router_string_free(plan);
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/explain.yaml";
    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    if (router == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }

    int failures = explain(router, "before the first call:");
    /* It asks the old key, is refused, and goes on. */
    router_response_t *answer = router_completion(router, request, ROUTER_NUL_TERMINATED, NULL);
    failures += answer == NULL;
    router_response_free(answer);
    failures += explain(router, "after it:");
    router_free(router);
    return failures;
}
