// The addon's exports. One shared object serves every JavaScript thread of the process; each loads it for itself.

#include <llmrouter.h>

#include "environment.h"
#include "events.h"
#include "log.h"
#include "router.h"
#include "stream.h"
#include "values.h"

namespace {

napi_property_descriptor function(const char *name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

napi_property_descriptor constant(const char *name, napi_value value) {
  return {name, nullptr, nullptr, nullptr, nullptr, value, napi_enumerable, nullptr};
}

}  // namespace

NAPI_MODULE_INIT() {
  using namespace llmrouter_node;
  if (!Environment::create(env)) return nullptr;
  const napi_property_descriptor properties[] = {
      constant("version", text_value(env, router_version(), NAPI_AUTO_LENGTH)),
      constant("abiVersion", number_value(env, router_abi_version())),
      constant("headerAbiVersion", number_value(env, ROUTER_ABI_VERSION)),
      function("fromYaml", router_from_yaml),
      function("fromFile", router_from_file),
      function("reload", reload_router),
      function("start", start_request),
      function("cancel", cancel_call),
      function("explain", explain_request),
      function("snapshot", take_snapshot),
      function("metrics", take_metrics),
      function("shutdown", shut_down),
      function("close", close_router),
      function("body", answer_body),
      function("bytes", answer_bytes),
      function("text", answer_text),
      function("metadata", answer_metadata),
      function("openStream", open_stream),
      function("nextChunks", next_chunks),
      function("streamMetadata", stream_metadata),
      function("cancelStream", cancel_stream),
      function("freeStream", free_stream),
      function("setEventListener", set_event_listener),
      function("setLogListener", set_log_listener),
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}
