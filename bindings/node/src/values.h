// The library's objects as JavaScript values.
#pragma once

#include "inbox.h"
#include "napi.h"

namespace llmrouter_node {

// Settles the promise: with a failure (below), an external that owns an answer or a stream, what a read brought (null at
// the end), or `ok`.
void settle_promise(napi_env env, Owed *owed);

// What lib/errors.js makes an error of: `{code, name, json, retryAfterMs}`.
napi_value failure_value(napi_env env, const router_error_t *error);

// `body(answer)`, `bytes(answer)` (the same as a Buffer of its own), `text(answer)` (null if it has none),
// `metadata(answer)`: read when asked for.
napi_value answer_body(napi_env env, napi_callback_info info);
napi_value answer_bytes(napi_env env, napi_callback_info info);
napi_value answer_text(napi_env env, napi_callback_info info);
napi_value answer_metadata(napi_env env, napi_callback_info info);

}  // namespace llmrouter_node
