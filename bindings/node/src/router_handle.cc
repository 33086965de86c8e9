#include "router_handle.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "events.h"

namespace llmrouter_node {

namespace {
// How long `close` may wait for a `drain` to notice it. A router must not be freed while `router_shutdown` is in it.
constexpr uint32_t kSliceMs = 20;
}  // namespace

void run_elsewhere(std::function<void()> work) {
  // The program's signals are for its own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = true;
  try {
    std::thread(work).detach();
  } catch (const std::system_error &) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) work();
}

std::shared_ptr<RouterHandle> RouterHandle::adopt(router_t *router) {
  return std::shared_ptr<RouterHandle>(new RouterHandle(router), forget);
}

void RouterHandle::forget(RouterHandle *handle) {
  if (handle->router_ == nullptr) {
    delete handle;
    return;
  }
  run_elsewhere([handle] {
    handle->close();
    delete handle;
  });
}

bool RouterHandle::drain(uint32_t drain_ms) {
  {
    std::lock_guard<std::mutex> held(lock_);
    if (router_ == nullptr || closing_) return true;
    draining_++;
  }
  bool ended = false;
  uint32_t left = drain_ms;
  do {
    uint32_t slice = std::min(left, kSliceMs);
    ended = router_shutdown(router_, slice);
    left -= slice;
  } while (!ended && left > 0 && !closing_);
  std::lock_guard<std::mutex> held(lock_);
  draining_--;
  drained_.notify_all();
  return ended;
}

bool RouterHandle::listen(std::shared_ptr<EventSink> sink) {
  // Who waits for room in it would be waited for.
  if (sink_ != nullptr) sink_->close();
  bool taken = router_set_event_listener(router_, sink == nullptr ? nullptr : EventSink::hear, sink.get());
  if (!taken && sink != nullptr) sink->close();
  if (taken) sink_ = std::move(sink);
  return taken;
}

void RouterHandle::close() {
  router_t *router = nullptr;
  {
    std::unique_lock<std::mutex> held(lock_);
    closing_ = true;
    drained_.wait(held, [this] { return draining_ == 0; });
    router = std::exchange(router_, nullptr);
  }
  router_free(router);
  if (sink_ != nullptr) sink_->close();
}

}  // namespace llmrouter_node
