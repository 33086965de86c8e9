/* A model calls a function: asked with tools, it answers with a call; the program makes the call and sends what came of
 * it; another model puts that into words.
 *
 *   cc tools.c $(pkg-config --cflags --libs llmrouter) -o tools && ./tools ../config/tools.yaml
 */

#include <llmrouter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tools[] =
    "[{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"description\": \"The weather in a city, now\", "
    "\"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}}]";

static const char question[] = "{\"role\": \"user\", \"content\": \"What should I wear in Zürich today?\"}";

/* JSON, as much of it as a tool call needs; a larger program has a library for it. Answers of the router are JSON, but
 * what a model wrote as arguments may be none: these find nothing in it then, or nonsense, but never leave it. */

static const char *behind_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The end of the value that begins at `at`. */
static const char *behind(const char *at)
{
    if (strchr("\"{[", *at) == NULL)
        return at + strcspn(at, ",]} \t\r\n");
    int depth = 0;
    do {
        if (*at == '"') {
            while (*++at != '"' && *at != '\0')
                at += *at == '\\' && at[1] != '\0';
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at += *at != '\0';
    } while (depth > 0 && *at != '\0');
    return at;
}

/* The member `name` of an object; NULL if there is none. */
static const char *member(const char *json, const char *name)
{
    size_t len = strlen(name);
    if (json == NULL || *json != '{')
        return NULL;
    for (json = behind_space(json + 1); *json == '"';) {
        const char *key = json + 1, *value = behind_space(behind(json));
        if (*value != ':')
            return NULL;
        value = behind_space(value + 1);
        if (strncmp(key, name, len) == 0 && key[len] == '"')
            return value;
        json = behind_space(behind(value));
        json = *json == ',' ? behind_space(json + 1) : json;
    }
    return NULL;
}

/* The first element of an array, and the one that follows another; NULL if there is none. */
static const char *first(const char *json)
{
    if (json == NULL || *json != '[')
        return NULL;
    json = behind_space(json + 1);
    return *json == ']' ? NULL : json;
}

static const char *following(const char *element)
{
    element = behind_space(behind(element));
    return *element == ',' ? behind_space(element + 1) : NULL;
}

/* The number of a \u, whose four digits are at `*at`, which moves behind them. */
static unsigned long unit(const char **at)
{
    char digits[5] = "";
    size_t len = strspn(*at, "0123456789abcdefABCDEF");
    len = len < 4 ? len : 4;
    memcpy(digits, *at, len);
    *at += len;
    return strtoul(digits, NULL, 16);
}

static char *put_utf8(char *to, unsigned long c)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    int len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = len - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(lead[len] | c);
    return to + len;
}

/* The character that a \u stands for, or a pair of them. */
static unsigned long escaped(const char **at)
{
    unsigned long high = unit(at);
    if (high >> 10 == 0x36 && strncmp(*at, "\\u", 2) == 0) {
        const char *next = *at + 2;
        unsigned long low = unit(&next);
        if (low >> 10 == 0x37) {
            *at = next;
            return 0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF);
        }
    }
    return high >> 11 == 0x1B ? 0xFFFD : high;
}

/* The text of a string, to be freed; an empty one if it is none. */
static char *text(const char *json)
{
    if (json == NULL || *json != '"')
        json = "\"\"";
    const char *end = behind(json) - 1;
    /* No text is longer than its JSON. */
    char *plain = malloc((size_t)(end - json) + 1), *to = plain;
    if (plain == NULL)
        abort();
    for (json++; json < end;) {
        static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
        char c = *json++;
        if (c != '\\') {
            *to++ = c;
        } else if ((c = *json++) == 'u') {
            to = put_utf8(to, escaped(&json));
        } else {
            const char *known = strchr(names, c);
            *to++ = known != NULL ? meant[known - names] : c;
        }
    }
    *to = '\0';
    return plain;
}

static void write_string(FILE *out, const char *plain)
{
    fputc('"', out);
    for (; *plain != '\0'; plain++) {
        if (*plain == '"' || *plain == '\\')
            fprintf(out, "\\%c", *plain);
        else if ((unsigned char)*plain < ' ')
            fprintf(out, "\\u%04x", *plain);
        else
            fputc(*plain, out);
    }
    fputc('"', out);
}

/* The tool: a real one would ask a weather service. To be freed. */
static char *get_weather(const char *arguments)
{
    char *city = text(member(behind_space(arguments), "city")), *weather = NULL;
    size_t len;
    FILE *out = open_memstream(&weather, &len);
    if (out == NULL)
        abort();
    fprintf(out, "7 °C and rain in %s", city);
    fclose(out);
    free(city);
    return weather;
}

/* Makes a call, and writes its result as the message that answers it. */
static void run_tool(FILE *out, const char *call)
{
    const char *id = member(call, "id"), *function = member(call, "function");
    char *name = text(member(function, "name")), *arguments = text(member(function, "arguments"));
    printf("planner calls %s %s\n", name, arguments);
    char *result = strcmp(name, "get_weather") == 0 ? get_weather(arguments) : strdup("there is no such tool");
    printf("%s finds %s\n", name, result);
    /* The id as it came: it is JSON already. */
    fprintf(out, ", {\"role\": \"tool\", \"tool_call_id\": %.*s, \"content\": ", (int)(behind(id) - id), id);
    write_string(out, result);
    fprintf(out, "}");
    free(result);
    free(arguments);
    free(name);
}

/* The conversation up to here: the question, the model's message as it came, what came of each call. To be freed. */
static char *with_results(const char *body)
{
    const char *message = member(first(member(body, "choices")), "message");
    char *request = NULL;
    size_t len;
    FILE *out = open_memstream(&request, &len);
    if (out == NULL || message == NULL) {
        fprintf(stderr, "no message, or no memory\n");
        exit(1);
    }
    fprintf(out, "{\"model\": \"writer\", \"tools\": %s, \"messages\": [%s, %.*s", tools, question,
            (int)(behind(message) - message), message);
    for (const char *call = first(member(message, "tool_calls")); call != NULL; call = following(call))
        run_tool(out, call);
    fprintf(out, "]}");
    fclose(out);
    return request;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/config/tools.yaml";
    char request[1024];
    snprintf(request, sizeof request, "{\"model\": \"planner\", \"tools\": %s, \"messages\": [%s]}", tools, question);

    router_error_t *error = NULL;
    router_response_t *calls = NULL, *answer = NULL;
    router_t *router = router_new_from_file(path, ROUTER_NUL_TERMINATED, &error);
    if (router != NULL)
        calls = router_completion(router, request, ROUTER_NUL_TERMINATED, &error);
    if (calls != NULL) {
        char *next = with_results(router_response_body(calls, NULL));
        answer = router_completion(router, next, ROUTER_NUL_TERMINATED, &error);
        free(next);
    }

    int failed = answer == NULL;
    if (!failed)
        printf("writer says %s\n", router_response_text(answer, NULL));
    else
        fprintf(stderr, "%s\n", router_error_message(error));
    router_response_free(answer);
    router_response_free(calls);
    router_error_free(error);
    router_free(router);
    return failed;
}
