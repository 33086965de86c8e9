// One router_t, held by the JavaScript object that stands for it, by its calls and by the threads that wait for it.
#pragma once

#include <llmrouter.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace llmrouter_node {

class EventSink;

// Runs `work` on a thread of its own, or here if there is none to be had. Waiting for calls may take as long as its
// caller likes: on libuv's pool four such waits would stop every file and name look-up of the process.
void run_elsewhere(std::function<void()> work);

class RouterHandle {
 public:
  // When the last holder lets go, the router is closed on another thread.
  static std::shared_ptr<RouterHandle> adopt(router_t *router);

  // The router; NULL once `close` has begun to free it. Only for who can't be overtaken by `close`.
  const router_t *get() const { return router_; }
  // Refuses new calls and waits up to `drain_ms` for those that run. Returns whether all have ended.
  bool drain(uint32_t drain_ms);
  // Has the router's events go to `sink`, or to nobody. When it returns, the one before hears nothing more. Whether the
  // library took it.
  bool listen(std::shared_ptr<EventSink> sink);
  // Where they go; NULL for nobody.
  const std::shared_ptr<EventSink> &sink() const { return sink_; }
  // Ends what runs and frees; returns when that is done. More than once is allowed.
  void close();

 private:
  explicit RouterHandle(router_t *router) : router_(router) {}
  static void forget(RouterHandle *handle);

  std::mutex lock_;
  std::condition_variable drained_;
  router_t *router_;
  // The library has its address until it is replaced or the router is gone.
  std::shared_ptr<EventSink> sink_;
  int draining_ = 0;
  std::atomic<bool> closing_{false};
};

}  // namespace llmrouter_node
