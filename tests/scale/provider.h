/* What the fake provider says of its connections. */

#ifndef PROVIDER_H
#define PROVIDER_H

#include "../abi/check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A counter of the provider's, such as "in_flight"; asking for it leaves no trace in any. */
HELPER long provider_stat(const char *url, const char *name)
{
    static const char ask[] = "GET /_control/stats HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n\r\n";
    char answer[4096];
    size_t len = 0;
    ssize_t more;
    const char *port = strrchr(url, ':');
    CHECK(port != NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port + 1))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(write(connection, ask, sizeof ask - 1) == sizeof ask - 1);
    while ((more = read(connection, answer + len, sizeof answer - 1 - len)) > 0)
        len += (size_t)more;
    close(connection);
    answer[len] = '\0';
    double value = member_number(answer, name);
    CHECK(value >= 0);
    return (long)value;
}

#endif
