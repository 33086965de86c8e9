#include "values.h"

#include <cstring>
#include <utility>

#include "stream_handle.h"

namespace llmrouter_node {

namespace {

// An answer beside its body: attempts and headers, roughly. Only the garbage collector hears this figure.
constexpr int64_t kAnswerOverhead = 1024;

int64_t weight_of(const router_response_t *response) {
  size_t len = 0;
  router_response_body(response, &len);
  return static_cast<int64_t>(len) + kAnswerOverhead;
}

void free_answer(napi_env env, void *data, void *) {
  auto *response = static_cast<router_response_t *>(data);
  int64_t total = 0;
  napi_adjust_external_memory(env, -weight_of(response), &total);
  router_response_free(response);
}

void set(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

using Accessor = const char *(*)(const router_response_t *, size_t *);

napi_value read(napi_env env, napi_callback_info info, Accessor accessor) {
  Arguments<1> arguments(env, info);
  size_t len = 0;
  const char *text = accessor(pointer_of<router_response_t>(env, arguments.at[0]), &len);
  return text == nullptr ? null_value(env) : text_value(env, text, len);
}

napi_value answer_value(napi_env env, Owed *owed) {
  napi_value answer = nullptr;
  if (napi_create_external(env, owed->response, free_answer, nullptr, &answer) != napi_ok) return nullptr;
  int64_t total = 0;
  napi_adjust_external_memory(env, weight_of(std::exchange(owed->response, nullptr)), &total);
  return answer;
}

napi_value stream_value(napi_env env, Owed *owed) {
  auto holder = std::make_unique<std::shared_ptr<StreamHandle>>(std::move(owed->stream));
  auto let_go = [](napi_env, void *data, void *) { delete static_cast<std::shared_ptr<StreamHandle> *>(data); };
  napi_value external = nullptr;
  if (napi_create_external(env, holder.get(), let_go, nullptr, &external) != napi_ok) return nullptr;
  holder.release();
  return external;
}

napi_value value_of(napi_env env, Owed *owed) {
  switch (owed->what) {
    case Owed::What::answer:
      return answer_value(env, owed);
    case Owed::What::stream:
      return stream_value(env, owed);
    case Owed::What::chunks:
      return text_value(env, owed->chunks.data(), owed->chunks.size());
    case Owed::What::end:
      return null_value(env);
    case Owed::What::ok:
      break;
  }
  return boolean_value(env, owed->ok);
}

}  // namespace

void settle_promise(napi_env env, Owed *owed) {
  if (owed->error != nullptr) {
    napi_reject_deferred(env, owed->deferred, failure_value(env, owed->error));
    return;
  }
  // An environment that is going refuses all this; then what was not handed on is freed with `owed`.
  napi_value value = value_of(env, owed);
  if (value != nullptr) napi_resolve_deferred(env, owed->deferred, value);
}

napi_value failure_value(napi_env env, const router_error_t *error) {
  napi_value failure = nullptr;
  if (napi_create_object(env, &failure) != napi_ok) return nullptr;
  size_t len = 0;
  const char *json = router_error_json(error, &len);
  const char *name = router_error_name(router_error_code(error));
  int64_t wait = router_error_retry_after_ms(error);
  set(env, failure, "code", number_value(env, router_error_code(error)));
  set(env, failure, "name", text_value(env, name, std::strlen(name)));
  set(env, failure, "json", text_value(env, json, len));
  set(env, failure, "retryAfterMs", wait < 0 ? null_value(env) : number_value(env, static_cast<double>(wait)));
  return failure;
}

napi_value answer_body(napi_env env, napi_callback_info info) { return read(env, info, router_response_body); }

napi_value answer_bytes(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  size_t len = 0;
  const char *body = router_response_body(pointer_of<router_response_t>(env, arguments.at[0]), &len);
  napi_value bytes = nullptr;
  if (napi_create_buffer_copy(env, len, body, nullptr, &bytes) != napi_ok) return nullptr;
  return bytes;
}

napi_value answer_text(napi_env env, napi_callback_info info) { return read(env, info, router_response_text); }

napi_value answer_metadata(napi_env env, napi_callback_info info) { return read(env, info, router_response_metadata); }

}  // namespace llmrouter_node
