// One router_stream_t, held by the JavaScript object that stands for it and by the read that runs.
#pragma once

#include <llmrouter.h>

#include <memory>
#include <utility>

#include "router_handle.h"

namespace llmrouter_node {

class StreamHandle {
 public:
  // An open stream keeps its router, as a call does that runs.
  StreamHandle(router_stream_t *stream, std::shared_ptr<RouterHandle> router)
      : router_(std::move(router)), stream_(stream) {}
  StreamHandle(const StreamHandle &) = delete;
  StreamHandle &operator=(const StreamHandle &) = delete;
  // Cancels what is not over. On any thread, inside the callback of a read too: nobody waits for long.
  ~StreamHandle() { router_stream_free(stream_); }

  router_stream_t *get() const { return stream_; }

 private:
  std::shared_ptr<RouterHandle> router_;
  router_stream_t *stream_;
};

}  // namespace llmrouter_node
