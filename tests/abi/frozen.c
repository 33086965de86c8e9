/* The contract, frozen: every number, type and signature that a program may be compiled against. A change to a line
 * that is here breaks programs that were built before; only lines may be added, each with a new minor ABI version. */

#include "check.h"

/* Not static: so the linker has to find each function too. */
#define FROZEN(returns, name, ...) returns (*const name##_frozen)(__VA_ARGS__) = name

/* Numbers. */
_Static_assert(ROUTER_ABI_VERSION >> 16 == 1, "the ABI's major number");
_Static_assert(ROUTER_NUL_TERMINATED == SIZE_MAX, "ROUTER_NUL_TERMINATED");

/* router_error_code_t */
_Static_assert(sizeof(router_error_code_t) == sizeof(int32_t), "router_error_code_t");
_Static_assert(ROUTER_ERROR_INVALID_ARGUMENT == 1, "ROUTER_ERROR_INVALID_ARGUMENT");
_Static_assert(ROUTER_ERROR_CONFIG == 2, "ROUTER_ERROR_CONFIG");
_Static_assert(ROUTER_ERROR_CANCELLED == 3, "ROUTER_ERROR_CANCELLED");
_Static_assert(ROUTER_ERROR_SHUT_DOWN == 4, "ROUTER_ERROR_SHUT_DOWN");
_Static_assert(ROUTER_ERROR_FORKED == 5, "ROUTER_ERROR_FORKED");
_Static_assert(ROUTER_ERROR_INTERNAL == 6, "ROUTER_ERROR_INTERNAL");
_Static_assert(ROUTER_ERROR_IN_CALLBACK == 7, "ROUTER_ERROR_IN_CALLBACK");
_Static_assert(ROUTER_ERROR_BUSY == 8, "ROUTER_ERROR_BUSY");
_Static_assert(ROUTER_ERROR_BAD_REQUEST == 400, "ROUTER_ERROR_BAD_REQUEST");
_Static_assert(ROUTER_ERROR_AUTHENTICATION == 401, "ROUTER_ERROR_AUTHENTICATION");
_Static_assert(ROUTER_ERROR_PERMISSION_DENIED == 403, "ROUTER_ERROR_PERMISSION_DENIED");
_Static_assert(ROUTER_ERROR_NOT_FOUND == 404, "ROUTER_ERROR_NOT_FOUND");
_Static_assert(ROUTER_ERROR_TIMEOUT == 408, "ROUTER_ERROR_TIMEOUT");
_Static_assert(ROUTER_ERROR_UNPROCESSABLE_ENTITY == 422, "ROUTER_ERROR_UNPROCESSABLE_ENTITY");
_Static_assert(ROUTER_ERROR_RATE_LIMIT == 429, "ROUTER_ERROR_RATE_LIMIT");
_Static_assert(ROUTER_ERROR_INTERNAL_SERVER == 500, "ROUTER_ERROR_INTERNAL_SERVER");
_Static_assert(ROUTER_ERROR_BAD_GATEWAY == 502, "ROUTER_ERROR_BAD_GATEWAY");
_Static_assert(ROUTER_ERROR_SERVICE_UNAVAILABLE == 503, "ROUTER_ERROR_SERVICE_UNAVAILABLE");
_Static_assert(ROUTER_ERROR_API_CONNECTION == 1001, "ROUTER_ERROR_API_CONNECTION");
_Static_assert(ROUTER_ERROR_API_RESPONSE == 1002, "ROUTER_ERROR_API_RESPONSE");
_Static_assert(ROUTER_ERROR_STREAM_TRUNCATED == 1003, "ROUTER_ERROR_STREAM_TRUNCATED");
_Static_assert(ROUTER_ERROR_CONTEXT_WINDOW_EXCEEDED == 1004, "ROUTER_ERROR_CONTEXT_WINDOW_EXCEEDED");
_Static_assert(ROUTER_ERROR_CONTENT_POLICY_VIOLATION == 1005, "ROUTER_ERROR_CONTENT_POLICY_VIOLATION");
_Static_assert(ROUTER_ERROR_NO_DEPLOYMENT_AVAILABLE == 1006, "ROUTER_ERROR_NO_DEPLOYMENT_AVAILABLE");
_Static_assert(ROUTER_ERROR_BUDGET_EXCEEDED == 1007, "ROUTER_ERROR_BUDGET_EXCEEDED");

/* router_stream_status_t */
_Static_assert(sizeof(router_stream_status_t) == sizeof(int32_t), "router_stream_status_t");
_Static_assert(ROUTER_STREAM_ERROR == -1, "ROUTER_STREAM_ERROR");
_Static_assert(ROUTER_STREAM_END == 0, "ROUTER_STREAM_END");
_Static_assert(ROUTER_STREAM_CHUNK == 1, "ROUTER_STREAM_CHUNK");

/* router_log_level_t */
_Static_assert(sizeof(router_log_level_t) == sizeof(int32_t), "router_log_level_t");
_Static_assert(ROUTER_LOG_OFF == 0, "ROUTER_LOG_OFF");
_Static_assert(ROUTER_LOG_ERROR == 1, "ROUTER_LOG_ERROR");
_Static_assert(ROUTER_LOG_WARN == 2, "ROUTER_LOG_WARN");
_Static_assert(ROUTER_LOG_INFO == 3, "ROUTER_LOG_INFO");
_Static_assert(ROUTER_LOG_DEBUG == 4, "ROUTER_LOG_DEBUG");
_Static_assert(ROUTER_LOG_TRACE == 5, "ROUTER_LOG_TRACE");

/* Handles: opaque, and each its own type. */
typedef struct router_error_t *router_error_t_is_a_struct;
typedef struct router_response_t *router_response_t_is_a_struct;
typedef struct router_stream_t *router_stream_t_is_a_struct;
typedef struct router_t *router_t_is_a_struct;

/* Callbacks. */
extern router_listener_fn router_listener_fn_frozen;
extern void (*router_listener_fn_frozen)(void *user_data, int32_t level, const char *json, size_t len);
extern router_completion_fn router_completion_fn_frozen;
extern void (*router_completion_fn_frozen)(void *user_data, router_response_t *response, router_error_t *error);
extern router_stream_fn router_stream_fn_frozen;
extern void (*router_stream_fn_frozen)(void *user_data, router_stream_t *stream, router_error_t *error);
extern router_chunks_fn router_chunks_fn_frozen;
extern void (*router_chunks_fn_frozen)(void *user_data, int32_t status, const char *chunks, size_t len,
                                       router_error_t *error);

/* Functions. */
FROZEN(uint32_t, router_abi_version, void);
FROZEN(const char *, router_version, void);
FROZEN(bool, router_set_log_listener, router_listener_fn, void *, int32_t);
FROZEN(void, router_string_free, char *);
FROZEN(router_t *, router_new_from_yaml, const char *, size_t, router_error_t **);
FROZEN(router_t *, router_new_from_file, const char *, size_t, router_error_t **);
FROZEN(bool, router_reload_from_yaml, const router_t *, const char *, size_t, router_error_t **);
FROZEN(bool, router_shutdown, const router_t *, uint32_t);
FROZEN(void, router_free, router_t *);
FROZEN(router_response_t *, router_completion, const router_t *, const char *, size_t, router_error_t **);
FROZEN(router_response_t *, router_embedding, const router_t *, const char *, size_t, router_error_t **);
FROZEN(router_response_t *, router_request, const router_t *, const char *, size_t, const char *, size_t,
       router_error_t **);
FROZEN(bool, router_completion_async, const router_t *, const char *, size_t, router_completion_fn, void *,
       uint64_t *, router_error_t **);
FROZEN(void, router_cancel, const router_t *, uint64_t);
FROZEN(const char *, router_response_body, const router_response_t *, size_t *);
FROZEN(const char *, router_response_text, const router_response_t *, size_t *);
FROZEN(const char *, router_response_metadata, const router_response_t *, size_t *);
FROZEN(void, router_response_free, router_response_t *);
FROZEN(bool, router_embedding_async, const router_t *, const char *, size_t, router_completion_fn, void *, uint64_t *,
       router_error_t **);
FROZEN(bool, router_request_async, const router_t *, const char *, size_t, const char *, size_t, router_completion_fn,
       void *, uint64_t *, router_error_t **);
FROZEN(router_stream_t *, router_request_stream, const router_t *, const char *, size_t, const char *, size_t,
       router_error_t **);
FROZEN(bool, router_request_stream_async, const router_t *, const char *, size_t, const char *, size_t,
       router_stream_fn, void *, uint64_t *, router_error_t **);
FROZEN(router_stream_t *, router_completion_stream, const router_t *, const char *, size_t, router_error_t **);
FROZEN(bool, router_completion_stream_async, const router_t *, const char *, size_t, router_stream_fn, void *,
       uint64_t *, router_error_t **);
FROZEN(int32_t, router_stream_next, router_stream_t *, const char **, size_t *, router_error_t **);
FROZEN(bool, router_stream_next_async, router_stream_t *, uint32_t, router_chunks_fn, void *, router_error_t **);
FROZEN(const char *, router_stream_metadata, const router_stream_t *, size_t *);
FROZEN(void, router_stream_cancel, const router_stream_t *);
FROZEN(void, router_stream_free, router_stream_t *);
FROZEN(int32_t, router_error_code, const router_error_t *);
FROZEN(const char *, router_error_name, int32_t);
FROZEN(int32_t, router_error_http_status, const router_error_t *);
FROZEN(bool, router_error_is_retryable, const router_error_t *);
FROZEN(int64_t, router_error_retry_after_ms, const router_error_t *);
FROZEN(const char *, router_error_message, const router_error_t *);
FROZEN(const char *, router_error_json, const router_error_t *, size_t *);
FROZEN(void, router_error_free, router_error_t *);
FROZEN(char *, router_snapshot, const router_t *, size_t *);
FROZEN(bool, router_set_event_listener, const router_t *, router_listener_fn, void *);
FROZEN(char *, router_metrics, const router_t *, size_t *);
FROZEN(char *, router_explain, const router_t *, const char *, size_t, size_t *, router_error_t **);

int main(void)
{
    say("numbers, types and signatures are as frozen (the compiler has checked them)");
    say("the library's ABI is the header's");
    CHECK_INT(router_abi_version(), ROUTER_ABI_VERSION);
    return 0;
}
