#include "events.h"

#include "calls.h"
#include "environment.h"

namespace llmrouter_node {

namespace {
// In the inbox, of one router. At 2 kB an event this is 2 MB.
constexpr size_t kMaxEvents = 1024;
}  // namespace

void EventSink::hear(void *user_data, int32_t, const char *json, size_t len) {
  auto *self = static_cast<EventSink *>(user_data);
  {
    std::unique_lock<std::mutex> held(self->lock_);
    self->room_.wait(held, [self] { return self->closed_ || self->waiting_ < kMaxEvents; });
    if (self->closed_) return;
    self->waiting_++;
  }
  self->inbox_->put_event(self->shared_from_this(), json, len);
}

void EventSink::taken(size_t count) {
  std::lock_guard<std::mutex> held(lock_);
  waiting_ -= count;
  room_.notify_one();
}

void EventSink::close() {
  std::lock_guard<std::mutex> held(lock_);
  closed_ = true;
  room_.notify_one();
}

bool EventSink::is_done() {
  std::lock_guard<std::mutex> held(lock_);
  return closed_ && waiting_ == 0;
}

napi_value set_event_listener(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Holder router = holder_of(env, arguments.at[0]);
  if (router == nullptr) return boolean_value(env, false);
  Environment *environment = Environment::of(env);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.at[1], &type);
  if (type != napi_function) {
    // From here on nobody hears what waits in the inbox.
    environment->drop(router->sink());
    return boolean_value(env, router->listen(nullptr));
  }
  auto sink = std::make_shared<EventSink>(environment->inbox());
  environment->set_on_events(sink, arguments.at[1]);
  return boolean_value(env, router->listen(std::move(sink)));
}

}  // namespace llmrouter_node
