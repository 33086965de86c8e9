// What belongs to one JavaScript thread: the main one and each worker have their own.
#pragma once

#include <memory>
#include <vector>

#include "inbox.h"
#include "napi.h"
#include "router_handle.h"

namespace llmrouter_node {

class Environment {
 public:
  // Makes the environment of this thread; false with an exception pending.
  static bool create(napi_env env);
  static Environment *of(napi_env env);

  const std::shared_ptr<Inbox> &inbox() const { return inbox_; }
  // A promise will be settled through the inbox: until then the loop stays alive.
  void owe();
  // The router is closed when the thread ends, if it was not before.
  void track(const std::shared_ptr<RouterHandle> &router);
  // Who hears the log, called with a list of JSON texts and the number of those that were lost; NULL for nobody.
  void set_on_records(napi_value function);
  // Who hears what comes through this sink, called with a list of JSON texts.
  void set_on_events(const std::shared_ptr<EventSink> &sink, napi_value function);
  // Nobody hears it any more.
  void drop(const std::shared_ptr<EventSink> &sink);

 private:
  explicit Environment(napi_env env) : env_(env) {}
  static void woken(napi_env env, napi_value function, void *context, void *data);
  static void before_exit(void *self);
  void settle(const std::vector<std::unique_ptr<Owed>> &settled);
  void deliver(const Delivery &delivery);
  void deliver(const std::vector<Event> &events);
  // Lets go of the listeners that have heard all they will.
  void forget_listeners();

  napi_env env_;
  // Referenced, and so keeping the loop alive, only while `owed_` is not 0.
  napi_threadsafe_function wake_ = nullptr;
  size_t owed_ = 0;
  napi_ref on_records_ = nullptr;
  struct Listener {
    std::shared_ptr<EventSink> sink;
    napi_ref function;
  };
  Listener *listener_of(const std::shared_ptr<EventSink> &sink);
  std::vector<Listener> listeners_;
  std::shared_ptr<Inbox> inbox_;
  std::vector<std::weak_ptr<RouterHandle>> routers_;
};

}  // namespace llmrouter_node
