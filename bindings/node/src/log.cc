#include "log.h"

#include <utility>

#include "environment.h"

namespace llmrouter_node {

namespace {

// The inbox that the process's log goes to, under a lock of its own: threads may set it at once. The owned pointer is
// bare since nothing of this addon may run while the process exits, destructors of statics included.
std::mutex listener_lock;
std::shared_ptr<Inbox> *listener = nullptr;

void hear(void *user_data, int32_t, const char *json, size_t len) {
  (*static_cast<std::shared_ptr<Inbox> *>(user_data))->put_record(json, len);
}

// When the library has taken the new one, the former is no longer in use.
void replace(std::shared_ptr<Inbox> *next, int32_t level) {
  router_set_log_listener(next == nullptr ? nullptr : hear, next, level);
  delete std::exchange(listener, next);
}

}  // namespace

napi_value set_log_listener(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Environment *environment = Environment::of(env);
  int32_t level = ROUTER_LOG_OFF;
  napi_get_value_int32(env, arguments.at[0], &level);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.at[1], &type);
  bool listens = type == napi_function;
  environment->set_on_records(listens ? arguments.at[1] : nullptr);
  std::lock_guard<std::mutex> held(listener_lock);
  if (listens) {
    replace(new std::shared_ptr<Inbox>(environment->inbox()), level);
  } else {
    replace(nullptr, ROUTER_LOG_OFF);
  }
  return undefined_value(env);
}

void stop_listening(const Inbox *inbox) {
  std::lock_guard<std::mutex> held(listener_lock);
  if (listener != nullptr && listener->get() == inbox) replace(nullptr, ROUTER_LOG_OFF);
}

}  // namespace llmrouter_node
