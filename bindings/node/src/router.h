// What JavaScript calls on a router. lib/native.js documents each function.
#pragma once

#include "napi.h"

namespace llmrouter_node {

napi_value router_from_yaml(napi_env env, napi_callback_info info);
napi_value router_from_file(napi_env env, napi_callback_info info);
napi_value reload_router(napi_env env, napi_callback_info info);
napi_value start_request(napi_env env, napi_callback_info info);
napi_value cancel_call(napi_env env, napi_callback_info info);
napi_value explain_request(napi_env env, napi_callback_info info);
napi_value take_snapshot(napi_env env, napi_callback_info info);
napi_value take_metrics(napi_env env, napi_callback_info info);
napi_value shut_down(napi_env env, napi_callback_info info);
napi_value close_router(napi_env env, napi_callback_info info);

}  // namespace llmrouter_node
