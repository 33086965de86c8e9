/* Just enough JSON to look into answers and tables: nothing is copied but texts. */

#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

/* A part of a JSON text. */
struct json {
    const char *at;
    size_t len;
};

/* Finds a member of an object, at its top level only. False if there is none. */
bool json_member(struct json object, const char *name, struct json *value);
/* The number that a member holds, or -1. */
double json_number(struct json object, const char *name);
/* Copies the text that a member holds, escapes as they are, or "". */
void json_text(struct json object, const char *name, char *copy, size_t room);

/* The next element of a list, from its first one on if `*place` is 0. False behind the last. */
bool json_element(struct json list, size_t *place, struct json *element);
/* How many elements the list that a member holds has. */
int json_count(struct json object, const char *name);

#endif
