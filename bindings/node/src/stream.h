// What JavaScript calls on a stream. lib/native.js documents each function.
#pragma once

#include "napi.h"

namespace llmrouter_node {

napi_value open_stream(napi_env env, napi_callback_info info);
napi_value next_chunks(napi_env env, napi_callback_info info);
napi_value stream_metadata(napi_env env, napi_callback_info info);
napi_value cancel_stream(napi_env env, napi_callback_info info);
napi_value free_stream(napi_env env, napi_callback_info info);

}  // namespace llmrouter_node
