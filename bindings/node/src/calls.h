// What completions and streams have in common: a router's handle, a call's number, a promise and who settles it.
#pragma once

#include <llmrouter.h>

#include <memory>

#include "inbox.h"
#include "napi.h"
#include "router_handle.h"

namespace llmrouter_node {

// What an external of a router points to; empty once closed.
using Holder = std::shared_ptr<RouterHandle>;

Holder holder_of(napi_env env, napi_value external);

// NULL for a router that was closed: the library refuses that in words of its own.
const router_t *open(const Holder &holder);

// Where to write a call's number: the only element of a BigUint64Array, or NULL if none was given.
uint64_t *place_of_number(napi_env env, napi_value array);

// A promise, and what will settle it through this thread's inbox; empty with an exception pending.
std::unique_ptr<Owed> promise(napi_env env, Holder router, napi_value *value);

// What was handed to the library as `user_data`: its callback settles it if it was accepted, else `error` does, now.
void settle_later(napi_env env, bool accepted, Owed *user_data, router_error_t *error);

}  // namespace llmrouter_node
