#include "calls.h"

#include <utility>

#include "environment.h"
#include "values.h"

namespace llmrouter_node {

Holder holder_of(napi_env env, napi_value external) {
  auto *holder = pointer_of<Holder>(env, external);
  return holder == nullptr ? nullptr : *holder;
}

const router_t *open(const Holder &holder) { return holder == nullptr ? nullptr : holder->get(); }

uint64_t *place_of_number(napi_env env, napi_value array) {
  bool is_typed_array = false;
  void *place = nullptr;
  size_t length = 0;
  napi_typedarray_type type = napi_int8_array;
  if (napi_is_typedarray(env, array, &is_typed_array) != napi_ok || !is_typed_array) return nullptr;
  napi_get_typedarray_info(env, array, &type, &length, &place, nullptr, nullptr);
  return type == napi_biguint64_array && length == 1 ? static_cast<uint64_t *>(place) : nullptr;
}

std::unique_ptr<Owed> promise(napi_env env, Holder router, napi_value *value) {
  auto owed = std::make_unique<Owed>();
  if (napi_create_promise(env, &owed->deferred, value) != napi_ok) return nullptr;
  owed->inbox = Environment::of(env)->inbox();
  owed->router = std::move(router);
  return owed;
}

void settle_later(napi_env env, bool accepted, Owed *user_data, router_error_t *error) {
  if (accepted) {
    // It may be over already, but is settled on this thread, so not before we return.
    Environment::of(env)->owe();
    return;
  }
  std::unique_ptr<Owed> owed(user_data);
  owed->error = error;
  settle_promise(env, owed.get());
}

}  // namespace llmrouter_node
