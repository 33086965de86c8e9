#include "inbox.h"

#include <utility>

#include "events.h"
#include "router_handle.h"
#include "stream_handle.h"

namespace llmrouter_node {

namespace {
// A loop that is busy for long must not cost the process its memory; at 200 bytes a record this is 2 MB.
constexpr size_t kMaxRecords = 10000;
}  // namespace

Owed::~Owed() {
  router_response_free(response);
  router_error_free(error);
}

void Inbox::wake_if_empty() {
  if (waiting_.settled.empty() && waiting_.events.empty() && waiting_.records.empty()) {
    napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
  }
}

void Inbox::put(std::unique_ptr<Owed> settled) {
  std::shared_ptr<Inbox> inbox = std::move(settled->inbox);
  std::lock_guard<std::mutex> held(inbox->lock_);
  if (inbox->wake_ == nullptr) return;
  inbox->wake_if_empty();
  inbox->waiting_.settled.push_back(std::move(settled));
}

void Inbox::put_event(std::shared_ptr<EventSink> sink, const char *json, size_t len) {
  std::lock_guard<std::mutex> held(lock_);
  if (wake_ == nullptr) return;
  wake_if_empty();
  waiting_.events.push_back({std::move(sink), std::string(json, len)});
}

void Inbox::put_record(const char *json, size_t len) {
  std::lock_guard<std::mutex> held(lock_);
  if (wake_ == nullptr) return;
  if (waiting_.records.size() >= kMaxRecords) {
    waiting_.dropped++;
    return;
  }
  wake_if_empty();
  waiting_.records.emplace_back(json, len);
}

Delivery Inbox::take() {
  std::lock_guard<std::mutex> held(lock_);
  return std::exchange(waiting_, Delivery());
}

void Inbox::close() {
  // Freed after the lock is let go.
  Delivery unread;
  std::lock_guard<std::mutex> held(lock_);
  wake_ = nullptr;
  std::swap(unread, waiting_);
}

}  // namespace llmrouter_node
