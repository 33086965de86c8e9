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

// Starts a call with JavaScript's arguments (router, path, request, place of its number), and gives the promise of `what`.
template <typename Done>
napi_value start_call(napi_env env, napi_callback_info info, Owed::What what, Done done,
                      bool (*start)(const router_t *, const char *, size_t, const char *, size_t, Done, void *,
                                    uint64_t *, router_error_t **)) {
  Arguments<4> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  Text path(env, arguments.at[1]);
  Text request(env, arguments.at[2]);
  uint64_t *number = place_of_number(env, arguments.at[3]);
  napi_value result = nullptr;
  std::unique_ptr<Owed> owed = promise(env, router, &result);
  if (owed == nullptr) return nullptr;
  owed->what = what;
  Owed *user_data = owed.release();
  router_error_t *error = nullptr;
  bool accepted = start(open(router), path.data(), path.size(), request.data(), request.size(), done, user_data, number,
                        &error);
  settle_later(env, accepted, user_data, error);
  return result;
}

}  // namespace llmrouter_node
