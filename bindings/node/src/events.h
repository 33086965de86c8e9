// What a router's event listener hears, on its way to JavaScript.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "inbox.h"
#include "napi.h"

namespace llmrouter_node {

// Takes the events of one router from the library's thread to the inbox of one JavaScript thread. While that is busy, a
// few wait there and the rest in the library, which loses the oldest with a count.
class EventSink : public std::enable_shared_from_this<EventSink> {
 public:
  explicit EventSink(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}

  // The library's callback; `user_data` is a sink. Waits for room, until the sink is closed.
  static void hear(void *user_data, int32_t level, const char *json, size_t len);
  // So many were taken out of the inbox.
  void taken(size_t count);
  // Nothing more is heard. Whoever waits for room goes on.
  void close();
  // Nothing more comes out of the inbox either.
  bool is_done();

 private:
  std::mutex lock_;
  std::condition_variable room_;
  std::shared_ptr<Inbox> inbox_;
  size_t waiting_ = 0;
  bool closed_ = false;
};

// `setEventListener(router, onEvents)`, which is called with lists of JSON texts; no `onEvents` turns it off. Whether it
// was taken.
napi_value set_event_listener(napi_env env, napi_callback_info info);

}  // namespace llmrouter_node
