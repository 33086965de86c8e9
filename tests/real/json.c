/* Members of one object and elements of one list, skipping over whatever they hold. */

#include "json.h"

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

/* What lies there, without the blanks behind it. */
static struct json part(struct json json, size_t i, size_t end)
{
    while (end > i && strchr(" \t\r\n", json.at[end - 1]) != NULL)
        end--;
    return (struct json){json.at + i, end - i};
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
            *value = part(object, i, end);
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

bool json_element(struct json list, size_t *place, struct json *element)
{
    size_t i = blanks(list, *place == 0 ? 1 : *place); /* past the bracket */
    if (i >= list.len || list.at[i] == ']')
        return false;
    size_t end = value_end(list, i);
    *element = part(list, i, end);
    *place = end < list.len && list.at[end] == ',' ? end + 1 : end;
    return true;
}

int json_count(struct json object, const char *name)
{
    struct json list, element;
    size_t place = 0;
    int count = 0;
    if (!json_member(object, name, &list))
        return 0;
    while (json_element(list, &place, &element))
        count++;
    return count;
}
