// What the library's threads hand to one JavaScript thread.
#pragma once

#include <llmrouter.h>
#include <node_api.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace llmrouter_node {

class EventSink;
class Inbox;
class RouterHandle;
class StreamHandle;

// One promise and what settles it: an error, or else what it is about.
struct Owed {
  enum class What { ok, answer, stream, chunks, end };

  napi_deferred deferred = nullptr;
  router_response_t *response = nullptr;
  router_error_t *error = nullptr;
  What what = What::ok;
  bool ok = false;
  // What one read brought, a JSON array.
  std::string chunks;
  // Where it goes, the router and the stream: they live as long as their calls, even if nobody else holds them any more.
  std::shared_ptr<Inbox> inbox;
  std::shared_ptr<RouterHandle> router;
  // What was opened, or is read.
  std::shared_ptr<StreamHandle> stream;

  Owed() = default;
  Owed(const Owed &) = delete;
  Owed &operator=(const Owed &) = delete;
  // Frees what was not handed on.
  ~Owed();
};

// What became of an attempt or a call, for the listener of one router.
struct Event {
  std::shared_ptr<EventSink> sink;
  std::string json;
};

// What there was in an inbox.
struct Delivery {
  std::vector<std::unique_ptr<Owed>> settled;
  std::vector<Event> events;
  std::vector<std::string> records;
  // Log records for which there was no room.
  size_t dropped = 0;
};

// Any thread puts in, the JavaScript thread takes out. The loop is woken only when something comes into an empty
// inbox: a thousand calls that end at once are one wake-up.
class Inbox {
 public:
  explicit Inbox(napi_threadsafe_function wake) : wake_(wake) {}

  // Hands over what settles a promise, to the inbox that it names.
  static void put(std::unique_ptr<Owed> settled);
  void put_event(std::shared_ptr<EventSink> sink, const char *json, size_t len);
  void put_record(const char *json, size_t len);
  Delivery take();
  // From now on whatever comes is freed and nobody is woken: the JavaScript thread is about to go.
  void close();

 private:
  void wake_if_empty();

  std::mutex lock_;
  // NULL once closed. Called under the lock, so that no thread is inside that call after `close`.
  napi_threadsafe_function wake_;
  Delivery waiting_;
};

}  // namespace llmrouter_node
