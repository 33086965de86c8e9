#include "environment.h"

#include <algorithm>

#include "events.h"
#include "log.h"
#include "values.h"

namespace llmrouter_node {

bool Environment::create(napi_env env) {
  std::unique_ptr<Environment> made(new Environment(env));
  Environment *self = made.get();
  napi_value name = text_value(env, "llmrouter", NAPI_AUTO_LENGTH);
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, self, woken,
                                      &self->wake_) != napi_ok ||
      napi_unref_threadsafe_function(env, self->wake_) != napi_ok) {
    napi_throw_error(env, nullptr, "llmrouter can't reach the event loop");
    return false;
  }
  self->inbox_ = std::make_shared<Inbox>(self->wake_);
  // Hooks run in the reverse order of their making: this one before the threadsafe function's own.
  napi_add_env_cleanup_hook(env, before_exit, self);
  auto destroy = [](napi_env, void *data, void *) { delete static_cast<Environment *>(data); };
  napi_set_instance_data(env, made.release(), destroy, nullptr);
  return true;
}

Environment *Environment::of(napi_env env) {
  void *data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Environment *>(data);
}

void Environment::owe() {
  if (owed_++ == 0) napi_ref_threadsafe_function(env_, wake_);
}

void Environment::track(const std::shared_ptr<RouterHandle> &router) {
  auto gone = [](const std::weak_ptr<RouterHandle> &other) { return other.expired(); };
  routers_.erase(std::remove_if(routers_.begin(), routers_.end(), gone), routers_.end());
  routers_.push_back(router);
}

void Environment::set_on_records(napi_value function) {
  if (on_records_ != nullptr) napi_delete_reference(env_, on_records_);
  on_records_ = nullptr;
  if (function != nullptr) napi_create_reference(env_, function, 1, &on_records_);
}

Environment::Listener *Environment::listener_of(const std::shared_ptr<EventSink> &sink) {
  auto is_its = [&sink](const Listener &listener) { return listener.sink == sink; };
  auto found = std::find_if(listeners_.begin(), listeners_.end(), is_its);
  return found == listeners_.end() ? nullptr : &*found;
}

void Environment::set_on_events(const std::shared_ptr<EventSink> &sink, napi_value function) {
  forget_listeners();
  drop(sink);
  napi_ref reference = nullptr;
  if (napi_create_reference(env_, function, 1, &reference) == napi_ok) listeners_.push_back({sink, reference});
}

void Environment::drop(const std::shared_ptr<EventSink> &sink) {
  Listener *listener = listener_of(sink);
  if (listener == nullptr) return;
  napi_delete_reference(env_, listener->function);
  listeners_.erase(listeners_.begin() + (listener - listeners_.data()));
}

void Environment::forget_listeners() {
  std::vector<std::shared_ptr<EventSink>> done;
  for (const Listener &listener : listeners_) {
    if (listener.sink->is_done()) done.push_back(listener.sink);
  }
  for (const auto &sink : done) drop(sink);
}

// On the JavaScript thread, once for all that has come since it was last here.
void Environment::woken(napi_env env, napi_value, void *context, void *) {
  // The loop is gone, and `context` with it.
  if (env == nullptr) return;
  auto *self = static_cast<Environment *>(context);
  Delivery delivery = self->inbox_->take();
  // First: whoever waits for the end of a router then knows that all was heard.
  self->deliver(delivery.events);
  self->settle(delivery.settled);
  if (!delivery.records.empty()) self->deliver(delivery);
}

void Environment::settle(const std::vector<std::unique_ptr<Owed>> &settled) {
  for (size_t begin = 0; begin < settled.size(); begin += kScopeSize) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    size_t end = std::min(begin + kScopeSize, settled.size());
    for (size_t i = begin; i < end; i++) settle_promise(env_, settled[i].get());
    napi_close_handle_scope(env_, scope);
  }
  owed_ -= settled.size();
  if (owed_ == 0 && !settled.empty()) napi_unref_threadsafe_function(env_, wake_);
}

// Each router's in one list. A listener may set and unset others, and itself.
void Environment::deliver(const std::vector<Event> &events) {
  if (events.empty()) return;
  std::vector<std::shared_ptr<EventSink>> sinks;
  for (const Event &event : events) {
    if (std::find(sinks.begin(), sinks.end(), event.sink) == sinks.end()) sinks.push_back(event.sink);
  }
  for (const auto &sink : sinks) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    napi_value texts = nullptr;
    napi_create_array(env_, &texts);
    uint32_t count = 0;
    for (const Event &event : events) {
      if (event.sink == sink) napi_set_element(env_, texts, count++, text_value(env_, event.json.data(), event.json.size()));
    }
    sink->taken(count);
    Listener *listener = listener_of(sink);
    napi_value function = nullptr;
    if (listener != nullptr && napi_get_reference_value(env_, listener->function, &function) == napi_ok) {
      napi_call_function(env_, undefined_value(env_), function, 1, &texts, nullptr);
    }
    napi_close_handle_scope(env_, scope);
  }
  forget_listeners();
}

void Environment::deliver(const Delivery &delivery) {
  napi_value function = nullptr;
  if (on_records_ == nullptr || napi_get_reference_value(env_, on_records_, &function) != napi_ok) return;
  napi_value texts = nullptr;
  napi_create_array_with_length(env_, delivery.records.size(), &texts);
  for (size_t begin = 0; begin < delivery.records.size(); begin += kScopeSize) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    size_t end = std::min(begin + kScopeSize, delivery.records.size());
    for (size_t i = begin; i < end; i++) {
      const std::string &record = delivery.records[i];
      napi_set_element(env_, texts, static_cast<uint32_t>(i), text_value(env_, record.data(), record.size()));
    }
    napi_close_handle_scope(env_, scope);
  }
  napi_value arguments[] = {texts, number_value(env_, static_cast<double>(delivery.dropped))};
  napi_call_function(env_, undefined_value(env_), function, 2, arguments, nullptr);
}

// The thread ends, by itself, by `process.exit` or by `worker.terminate`: calls that run are ended, and nothing
// that comes of it touches this environment.
void Environment::before_exit(void *data) {
  auto *self = static_cast<Environment *>(data);
  stop_listening(self->inbox_.get());
  self->set_on_records(nullptr);
  while (!self->listeners_.empty()) {
    std::shared_ptr<EventSink> sink = self->listeners_.back().sink;
    sink->close();
    self->drop(sink);
  }
  self->inbox_->close();
  for (const auto &tracked : self->routers_) {
    if (std::shared_ptr<RouterHandle> router = tracked.lock()) router->close();
  }
}

}  // namespace llmrouter_node
