#include "stream.h"

#include <utility>

#include "calls.h"
#include "environment.h"
#include "stream_handle.h"
#include "values.h"

namespace llmrouter_node {

namespace {

// What an external of a stream points to; empty once freed.
using StreamHolder = std::shared_ptr<StreamHandle>;

StreamHolder stream_of(napi_env env, napi_value external) {
  auto *holder = pointer_of<StreamHolder>(env, external);
  return holder == nullptr ? nullptr : *holder;
}

// NULL for a stream that was freed: the library refuses that in words of its own.
router_stream_t *open(const StreamHolder &holder) { return holder == nullptr ? nullptr : holder->get(); }

// Runs on a thread of the library, once for each opening that was accepted.
void opened(void *user_data, router_stream_t *stream, router_error_t *error) {
  std::unique_ptr<Owed> owed(static_cast<Owed *>(user_data));
  if (stream != nullptr) owed->stream = std::make_shared<StreamHandle>(stream, owed->router);
  owed->error = error;
  Inbox::put(std::move(owed));
}

// Runs on a thread of the library, once for each read that was accepted.
void read(void *user_data, int32_t status, const char *chunks, size_t len, router_error_t *error) {
  std::unique_ptr<Owed> owed(static_cast<Owed *>(user_data));
  owed->what = status == ROUTER_STREAM_CHUNK ? Owed::What::chunks : Owed::What::end;
  if (chunks != nullptr) owed->chunks.assign(chunks, len);
  owed->error = error;
  Inbox::put(std::move(owed));
}

}  // namespace

napi_value open_stream(napi_env env, napi_callback_info info) {
  return start_call<router_stream_fn>(env, info, Owed::What::stream, opened, router_request_stream_async);
}

napi_value next_chunks(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  StreamHolder stream = stream_of(env, arguments.at[0]);
  uint32_t most = 1;
  napi_get_value_uint32(env, arguments.at[1], &most);
  napi_value result = nullptr;
  std::unique_ptr<Owed> owed = promise(env, nullptr, &result);
  if (owed == nullptr) return nullptr;
  owed->stream = stream;
  owed->what = Owed::What::end;
  Owed *user_data = owed.release();
  router_error_t *error = nullptr;
  bool accepted = router_stream_next_async(open(stream), most, read, user_data, &error);
  settle_later(env, accepted, user_data, error);
  return result;
}

napi_value stream_metadata(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  StreamHolder stream = stream_of(env, arguments.at[0]);
  size_t len = 0;
  const char *json = router_stream_metadata(open(stream), &len);
  return json == nullptr ? null_value(env) : text_value(env, json, len);
}

napi_value cancel_stream(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  StreamHolder stream = stream_of(env, arguments.at[0]);
  if (stream != nullptr) router_stream_cancel(stream->get());
  return undefined_value(env);
}

// A read that runs holds the stream until it is over.
napi_value free_stream(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  auto *holder = pointer_of<StreamHolder>(env, arguments.at[0]);
  if (holder != nullptr) holder->reset();
  return undefined_value(env);
}

}  // namespace llmrouter_node
