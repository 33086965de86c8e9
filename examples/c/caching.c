/* The same question three times: asked, answered from the cache, and asked anew; who answered, and what it cost.
 *
 *   cc caching.c $(pkg-config --cflags --libs llmrouter) -o caching && ./caching ../config/caching.yaml
 */

#include <llmrouter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION "\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]"

/* The value of the first member `name`; enough to show metadata: a service would parse it. */
static const char *member(const char *json, const char *name)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(json, quoted);
    return at == NULL ? "" : at + strlen(quoted);
}

static int ask(const router_t *router, const char *title, const char *request)
{
    router_error_t *error = NULL;
    router_response_t *answer = router_completion(router, request, ROUTER_NUL_TERMINATED, &error);
    if (answer == NULL) {
        fprintf(stderr, "%s: %s\n", title, router_error_message(error));
        router_error_free(error);
        return 1;
    }
    const char *metadata = router_response_metadata(answer, NULL);
    const char *hit = strncmp(member(metadata, "cache_hit"), "true", 4) == 0 ? "kept from" : "asked";
    const char *who = member(metadata, "deployment") + 1; /* behind its quote */
    printf("%-16s %-10s %.*s  $%.4f\n", title, hit, (int)strcspn(who, "\""), who, atof(member(metadata, "cost")));
    router_response_free(answer);
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/caching.yaml";
    router_error_t *error = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    if (router == NULL) {
        fprintf(stderr, "%s\n", router_error_message(error));
        router_error_free(error);
        return 1;
    }

    int failures = ask(router, "the first time", "{" QUESTION "}");
    failures += ask(router, "the same again", "{" QUESTION "}");
    failures += ask(router, "with no-cache", "{" QUESTION ", \"cache\": {\"no-cache\": true}}");

    char *snapshot = router_snapshot(router, NULL);
    const char *cache = member(snapshot, "cache");
    printf("%d answer kept, %d hit\n", atoi(member(cache, "entries")), atoi(member(cache, "hits")));
    router_string_free(snapshot);
    router_free(router);
    return failures;
}
