/* The table of streams, tests/bindings/streams.json: read, its parts put into their places, played by the fake provider. */

#ifndef STREAM_TABLE_H
#define STREAM_TABLE_H

#include "check.h"
#include "../real/json.c"
#include <arpa/inet.h>
#include <sys/socket.h>

/* For any text of the table with its parts in place. */
enum { ROOM = 16384 };

static struct json table;

static void read_table(void)
{
    static char text[4 * ROOM];
    FILE *file = fopen("tests/bindings/streams.json", "r");
    CHECK(file != NULL);
    table = (struct json){text, fread(text, 1, sizeof text, file)};
    CHECK(table.len > 0 && table.len < sizeof text);
    fclose(file);
}

static struct json get(struct json object, const char *name)
{
    struct json value;
    if (!json_member(object, name, &value)) {
        fprintf(stderr, "no \"%s\" in %.*s\n", name, (int)object.len, object.at);
        _exit(1);
    }
    return value;
}

static bool is_text(struct json value, const char *text)
{
    return value.len == strlen(text) + 2 && memcmp(value.at + 1, text, value.len - 2) == 0;
}

/* Adds what lies within the quotes of a JSON text. */
static void add(char *out, struct json text)
{
    size_t len = strlen(out);
    CHECK(len + text.len < ROOM);
    memcpy(out + len, text.at + 1, text.len - 2);
    out[len + text.len - 2] = '\0';
}

/* Copies JSON with the wire's parts, and the provider's address, in their places: texts within texts, so that escapes stay. */
static void fill(char *out, struct json from, struct json wire, const char *base)
{
    size_t len = 0;
    for (const char *at = from.at, *end = from.at + from.len; at < end;) {
        CHECK(len + strlen(base) + 1 < ROOM);
        if (strncmp(at, "{{", 2) != 0) {
            out[len++] = *at++;
            continue;
        }
        char name[32];
        CHECK(sscanf(at, "{{%31[a-z]}}", name) == 1);
        at += strlen(name) + 4;
        out[len] = '\0';
        if (strcmp(name, "provider") == 0)
            strcpy(out + len, base);
        else
            add(out, get(wire, name));
        len = strlen(out);
    }
    out[len] = '\0';
}

/* What a JSON text says, in its own place. */
static void unescape(char *text)
{
    size_t len = strlen(text);
    CHECK(len >= 2);
    char *to = text;
    for (const char *from = text + 1; from < text + len - 1; from++) {
        char c = *from;
        if (c == '\\') {
            c = *++from;
            CHECK(c == 'n' || c == '"' || c == '\\');
            c = c == 'n' ? '\n' : c;
        }
        *to++ = c;
    }
    *to = '\0';
}

/* Has the fake provider answer with this reply. */
static void play(const char *base, const char *reply)
{
    static char request[ROOM + 512], script[ROOM + 64], answer[64];
    int port = atoi(strrchr(base, ':') + 1);
    int len = snprintf(script, sizeof script, "{\"paths\": {\"/first\": [%s]}}", reply);
    snprintf(request, sizeof request,
             "PUT /_control/script HTTP/1.1\r\nhost: p\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s", len, script);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(send(fd, request, strlen(request), 0) == (ssize_t)strlen(request));
    CHECK(recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0);
    CHECK_HOLDS(answer, "HTTP/1.1 2");
    close(fd);
}

#endif
