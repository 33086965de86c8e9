/* An answer that is printed as it comes, and then what it used.
 *
 *   cc stream.c $(pkg-config --cflags --libs llmrouter) -o stream && ./stream ../config/stream.yaml
 */

#include <llmrouter.h>
#include <stdio.h>
#include <string.h>

/* Prints what a chunk adds to the text. A real program has a JSON parser; this knows the plainest escapes only. */
static void print_delta(const char *chunk)
{
    static const char member[] = "\"content\":\"";
    const char *text = strstr(chunk, member);
    if (text == NULL)
        return;
    for (text += sizeof member - 1; *text != '"' && *text != '\0'; text++) {
        if (*text == '\\' && *++text == 'n')
            putchar('\n');
        else
            putchar(*text);
    }
    fflush(stdout);
}

static int number(const char *json, const char *member)
{
    int value = -1;
    const char *found = strstr(json, member);
    if (found != NULL)
        sscanf(found + strlen(member), "%d", &value);
    return value;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/stream.yaml";
    static const char request[] = "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Tell me\"}]}";
    router_error_t *error = NULL;
    router_stream_t *stream = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    /* Waits for the first content: whatever fails before that is tried again elsewhere. */
    if (router != NULL)
        stream = router_completion_stream(router, request, sizeof request - 1, &error);

    int32_t status = ROUTER_STREAM_ERROR;
    int chunks = 0;
    const char *chunk;
    if (stream != NULL) {
        while ((status = router_stream_next(stream, &chunk, NULL, &error)) == ROUTER_STREAM_CHUNK) {
            chunks++;
            print_delta(chunk);
        }
        printf("\n");
    }

    int failed = status != ROUTER_STREAM_END;
    if (!failed) {
        const char *metadata = router_stream_metadata(stream, NULL);
        printf("%d chunks; %d prompt tokens, %d completion tokens\n", chunks, number(metadata, "\"prompt_tokens\":"),
               number(metadata, "\"completion_tokens\":"));
    } else {
        fprintf(stderr, "%s\n", router_error_message(error));
    }

    router_stream_free(stream);
    router_error_free(error);
    router_free(router);
    return failed;
}
