/* What Go can't say itself: the callbacks that C needs, and several answers of the library in one crossing. */

#ifndef LLMROUTER_GO_SHIM_H
#define LLMROUTER_GO_SHIM_H

#if defined(__has_include)
#  if !__has_include(<llmrouter.h>)
#    error "llmrouter.h is missing: run `make sdk`, or build with -tags llmrouter_dynamic against an installed library"
#  endif
#endif

#include <llmrouter.h>

/* Text lent by the library; NULL if there is none. */
typedef struct {
    const char *data;
    size_t len;
} llmrouter_go_text_t;

/* A response, as it is lent to Go while the callback runs. */
typedef struct {
    llmrouter_go_text_t body, text, metadata;
} llmrouter_go_answer_t;

/* An error, lent likewise. */
typedef struct {
    int32_t code;
    const char *name;
    int64_t retry_after_ms;
    llmrouter_go_text_t json;
} llmrouter_go_failure_t;

/* How starting a call went: neither accepted nor with an error inside a listener. */
typedef struct {
    bool accepted;
    uint64_t call;
    router_error_t *error;
} llmrouter_go_started_t;

/* Starts a call of the verb that `path` names. `handle` comes back with the outcome. */
llmrouter_go_started_t llmrouter_go_start(const router_t *router, const char *path, size_t path_len, const char *request,
                                          size_t len, uintptr_t handle);

/* The same for a stream. */
llmrouter_go_started_t llmrouter_go_open(const router_t *router, const char *path, size_t path_len, const char *request,
                                         size_t len, uintptr_t handle);

/* Reads a stream: `handle` comes back with the chunks, or with the end. Returns whether it was accepted. */
bool llmrouter_go_next(router_stream_t *stream, uint32_t most, uintptr_t handle, router_error_t **error);

llmrouter_go_failure_t llmrouter_go_failure(const router_error_t *error);

/* A `handle` of 0 turns the listener off. */
bool llmrouter_go_listen(uintptr_t handle, int32_t level);

/* The same for a router's events. False if it was refused. */
bool llmrouter_go_listen_to_events(const router_t *router, uintptr_t handle);

/* Whether this thread is inside a listener. */
bool llmrouter_go_listening(void);

#endif
