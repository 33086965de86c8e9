/* Just enough JSON to look into an answer: members of one object, skipping over whatever they hold. */

#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t blanks(struct json json, size_t i)
{
    while (i < json.len && strchr(" \t\r\n", json.at[i]) != NULL)
        i++;
    return i;
}

/* Where the string that begins at `i` ends. */
static size_t string_end(struct json json, size_t i)
{
    for (i++; i < json.len && json.at[i] != '"'; i++)
        if (json.at[i] == '\\')
            i++;
    return i < json.len ? i + 1 : json.len;
}

static size_t value_end(struct json json, size_t i)
{
    int depth = 0;
    while (i < json.len) {
        char c = json.at[i];
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            break;
        if (c == '"') {
            i = string_end(json, i);
            continue;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        i++;
    }
    return i;
}

bool json_member(struct json object, const char *name, struct json *value)
{
    size_t i = blanks(object, 0) + 1; /* past the brace */
    while ((i = blanks(object, i)) < object.len && object.at[i] == '"') {
        size_t key = i + 1, end;
        i = string_end(object, i);
        bool same = i - key == strlen(name) + 1 && memcmp(object.at + key, name, strlen(name)) == 0;
        i = blanks(object, blanks(object, i) + 1); /* past the colon */
        end = value_end(object, i);
        if (same) {
            *value = (struct json){object.at + i, end - i};
            return true;
        }
        i = end + 1; /* past the comma */
    }
    return false;
}

double json_number(struct json object, const char *name)
{
    struct json value;
    char *end;
    if (!json_member(object, name, &value))
        return -1;
    double number = strtod(value.at, &end); /* stops at what follows the number */
    return end == value.at ? -1 : number;
}

void json_text(struct json object, const char *name, char *copy, size_t room)
{
    struct json value = {"", 0};
    copy[0] = '\0';
    if (json_member(object, name, &value) && value.len > 2 && value.at[0] == '"')
        snprintf(copy, room, "%.*s", (int)(value.len - 2), value.at + 1);
}

int json_count(struct json object, const char *name)
{
    struct json list;
    int count = 0;
    if (!json_member(object, name, &list))
        return 0;
    for (size_t i = blanks(list, 1); i < list.len && list.at[i] != ']'; i = blanks(list, i)) {
        i = value_end(list, i);
        count++;
        if (i < list.len && list.at[i] == ',')
            i++;
    }
    return count;
}
