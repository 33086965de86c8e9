#include "router.h"

#include <utility>

#include "calls.h"
#include "environment.h"
#include "values.h"

namespace llmrouter_node {

namespace {

napi_value throw_failure(napi_env env, router_error_t *error) {
  napi_throw(env, failure_value(env, error));
  router_error_free(error);
  return nullptr;
}

// A string that the library gave out.
napi_value take_text(napi_env env, char *owned, size_t len) {
  napi_value text = text_value(env, owned, len);
  router_string_free(owned);
  return text;
}

using Maker = router_t *(*)(const char *, size_t, router_error_t **);

napi_value make(napi_env env, napi_callback_info info, Maker maker) {
  Arguments<1> arguments(env, info);
  Text text(env, arguments.at[0]);
  router_error_t *error = nullptr;
  router_t *router = maker(text.data(), text.size(), &error);
  if (router == nullptr) return throw_failure(env, error);
  auto *holder = new Holder(RouterHandle::adopt(router));
  Environment::of(env)->track(*holder);
  auto let_go = [](napi_env, void *data, void *) { delete static_cast<Holder *>(data); };
  napi_value external = nullptr;
  if (napi_create_external(env, holder, let_go, nullptr, &external) != napi_ok) delete holder;
  return external;
}

// Runs on a thread of the library, once for each call that was accepted.
void done(void *user_data, router_response_t *response, router_error_t *error) {
  std::unique_ptr<Owed> owed(static_cast<Owed *>(user_data));
  owed->response = response;
  owed->error = error;
  Inbox::put(std::move(owed));
}

}  // namespace

napi_value router_from_yaml(napi_env env, napi_callback_info info) { return make(env, info, router_new_from_yaml); }

napi_value router_from_file(napi_env env, napi_callback_info info) { return make(env, info, router_new_from_file); }

napi_value reload_router(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  Text text(env, arguments.at[1]);
  router_error_t *error = nullptr;
  bool taken = router_reload_from_yaml(open(router), text.data(), text.size(), &error);
  return taken ? undefined_value(env) : throw_failure(env, error);
}

napi_value start_request(napi_env env, napi_callback_info info) {
  return start_call<router_completion_fn>(env, info, Owed::What::answer, done, router_request_async);
}

napi_value cancel_call(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  uint64_t number = 0;
  bool lossless = false;
  if (napi_get_value_bigint_uint64(env, arguments.at[1], &number, &lossless) == napi_ok) {
    router_cancel(open(router), number);
  }
  return undefined_value(env);
}

napi_value explain_request(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  Text request(env, arguments.at[1]);
  size_t len = 0;
  router_error_t *error = nullptr;
  char *json = router_explain(open(router), request.data(), request.size(), &len, &error);
  return json == nullptr ? throw_failure(env, error) : take_text(env, json, len);
}

napi_value take_snapshot(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  size_t len = 0;
  char *json = router_snapshot(open(router), &len);
  return json == nullptr ? null_value(env) : take_text(env, json, len);
}

napi_value take_metrics(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  size_t len = 0;
  char *text = router_metrics(open(router), &len);
  return text == nullptr ? null_value(env) : take_text(env, text, len);
}

napi_value shut_down(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  uint32_t drain_ms = 0;
  napi_get_value_uint32(env, arguments.at[1], &drain_ms);
  napi_value result = nullptr;
  std::unique_ptr<Owed> owed = promise(env, router, &result);
  if (owed == nullptr) return nullptr;
  // Without waiting, and now: a call that is started after this one returns is refused.
  owed->ok = router == nullptr || router->drain(0);
  if (owed->ok || drain_ms == 0) {
    settle_promise(env, owed.get());
    return result;
  }
  Environment::of(env)->owe();
  run_elsewhere([owed = owed.release(), drain_ms] {
    owed->ok = owed->router->drain(drain_ms);
    Inbox::put(std::unique_ptr<Owed>(owed));
  });
  return result;
}

napi_value close_router(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  auto *holder = pointer_of<Holder>(env, arguments.at[0]);
  Holder router = holder == nullptr ? nullptr : std::exchange(*holder, nullptr);
  napi_value result = nullptr;
  std::unique_ptr<Owed> owed = promise(env, router, &result);
  if (owed == nullptr) return nullptr;
  owed->ok = true;
  if (router == nullptr) {
    settle_promise(env, owed.get());
    return result;
  }
  Environment::of(env)->owe();
  // After the calls that it ends: their callbacks have put them into the inbox when `close` returns.
  run_elsewhere([owed = owed.release()] {
    owed->router->close();
    Inbox::put(std::unique_ptr<Owed>(owed));
  });
  return result;
}

}  // namespace llmrouter_node
