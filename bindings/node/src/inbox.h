// What the library's threads hand to one JavaScript thread.
#pragma once

#include <llmrouter.h>
#include <node_api.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace llmrouter_node {

class RouterHandle;

// One promise and what settles it: an answer, an error, or neither and then `ok`.
struct Owed {
  napi_deferred deferred = nullptr;
  router_response_t *response = nullptr;
  router_error_t *error = nullptr;
  bool ok = false;
  // A router lives as long as its calls, even if nobody holds it any more.
  std::shared_ptr<RouterHandle> router;

  Owed() = default;
  Owed(const Owed &) = delete;
  Owed &operator=(const Owed &) = delete;
  // Frees what was not handed on.
  ~Owed();
};

// What there was in an inbox.
struct Delivery {
  std::vector<std::unique_ptr<Owed>> settled;
  std::vector<std::string> records;
  // Log records for which there was no room.
  size_t dropped = 0;
};

// Any thread puts in, the JavaScript thread takes out. The loop is woken only when something comes into an empty inbox: a thousand
// ends at once are one wake-up.
class Inbox {
 public:
  // `wake` stays the caller's.
  explicit Inbox(napi_threadsafe_function wake) : wake_(wake) {}

  void put(std::unique_ptr<Owed> settled);
  void put_record(const char *json, size_t len);
  Delivery take();
  // From now on everything that comes is freed, and nobody is woken: the JavaScript thread is about to go.
  void close();

 private:
  void wake_if_first();

  std::mutex lock_;
  // NULL once closed. Called under the lock, so that no thread is inside that call after `close`.
  napi_threadsafe_function wake_;
  Delivery waiting_;
};

}  // namespace llmrouter_node
