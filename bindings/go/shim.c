#include "shim.h"
#include "_cgo_export.h"

static _Thread_local bool listening;

static void fail(void *user_data, const router_error_t *error)
{
    llmrouter_go_failure_t failure = llmrouter_go_failure(error);
    llmrouterGoFailed((uintptr_t)user_data, &failure);
}

/* Everything is read before Go is entered, so that Go copies it without another crossing. */
static void done(void *user_data, router_response_t *response, router_error_t *error)
{
    if (response != NULL) {
        llmrouter_go_answer_t answer = {0};
        answer.body.data = router_response_body(response, &answer.body.len);
        answer.text.data = router_response_text(response, &answer.text.len);
        answer.metadata.data = router_response_metadata(response, &answer.metadata.len);
        llmrouterGoAnswered((uintptr_t)user_data, &answer);
    } else {
        fail(user_data, error);
    }
    router_response_free(response);
    router_error_free(error);
}

llmrouter_go_started_t llmrouter_go_start(const router_t *router, const char *path, size_t path_len, const char *request,
                                          size_t len, uintptr_t handle)
{
    llmrouter_go_started_t started = {0};
    /* Go would wait for the outcome on a thread that the outcome may need. */
    if (!listening)
        started.accepted = router_request_async(router, path, path_len, request, len, done, (void *)handle,
                                                &started.call, &started.error);
    return started;
}

static void opened(void *user_data, router_stream_t *stream, router_error_t *error)
{
    if (stream != NULL)
        llmrouterGoOpened((uintptr_t)user_data, stream);
    else
        fail(user_data, error);
    router_error_free(error);
}

llmrouter_go_started_t llmrouter_go_open(const router_t *router, const char *path, size_t path_len, const char *request,
                                         size_t len, uintptr_t handle)
{
    llmrouter_go_started_t started = {0};
    if (!listening)
        started.accepted = router_request_stream_async(router, path, path_len, request, len, opened, (void *)handle,
                                                       &started.call, &started.error);
    return started;
}

static void came(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error)
{
    llmrouter_go_text_t text = {chunks, len};
    if (status < 0)
        fail(user_data, error);
    else
        llmrouterGoRead((uintptr_t)user_data, &text);
    router_error_free(error);
}

bool llmrouter_go_next(router_stream_t *stream, uint32_t most, uintptr_t handle, router_error_t **error)
{
    return router_stream_next_async(stream, most, came, (void *)handle, error);
}

llmrouter_go_failure_t llmrouter_go_failure(const router_error_t *error)
{
    llmrouter_go_failure_t failure = {0};
    failure.code = router_error_code(error);
    failure.name = router_error_name(failure.code);
    failure.retry_after_ms = router_error_retry_after_ms(error);
    failure.json.data = router_error_json(error, &failure.json.len);
    return failure;
}

static void listen(void *user_data, int32_t level, const char *json, size_t len)
{
    llmrouter_go_text_t record = {json, len};
    listening = true;
    llmrouterGoLogged((uintptr_t)user_data, level, &record);
    listening = false;
}

bool llmrouter_go_listen(uintptr_t handle, int32_t level)
{
    return router_set_log_listener(handle == 0 ? NULL : listen, (void *)handle, level);
}

static void ended(void *user_data, int32_t level, const char *json, size_t len)
{
    llmrouter_go_text_t event = {json, len};
    listening = true;
    llmrouterGoEnded((uintptr_t)user_data, level, &event);
    listening = false;
}

bool llmrouter_go_listen_to_events(const router_t *router, uintptr_t handle)
{
    return router_set_event_listener(router, handle == 0 ? NULL : ended, (void *)handle);
}

bool llmrouter_go_listening(void)
{
    return listening;
}
