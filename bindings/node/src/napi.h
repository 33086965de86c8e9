// The few things that every file of this addon does with Node-API.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>

namespace llmrouter_node {

// Values made by a callback's loop are let go of together, once for so many.
constexpr size_t kScopeSize = 256;

// Node-API numbers are doubles; a string's length is given, never looked for.
inline napi_value text_value(napi_env env, const char *text, size_t len) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, len, &value);
  return value;
}

inline napi_value number_value(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

inline napi_value boolean_value(napi_env env, bool boolean) {
  napi_value value = nullptr;
  napi_get_boolean(env, boolean, &value);
  return value;
}

inline napi_value null_value(napi_env env) {
  napi_value value = nullptr;
  napi_get_null(env, &value);
  return value;
}

inline napi_value undefined_value(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

// The pointer inside an external, or NULL for anything else.
template <typename T>
T *pointer_of(napi_env env, napi_value value) {
  void *data = nullptr;
  if (value == nullptr || napi_get_value_external(env, value, &data) != napi_ok) return nullptr;
  return static_cast<T *>(data);
}

// A function's arguments; those that were not given are `undefined`.
template <size_t N>
struct Arguments {
  napi_value at[N];

  Arguments(napi_env env, napi_callback_info info) : at() {
    size_t count = N;
    napi_get_cb_info(env, info, &count, at, nullptr, nullptr);
  }
};

// UTF-8 of an argument: bytes of a Uint8Array where they lie, of a string as a copy. Valid while both the argument and this live.
class Text {
 public:
  Text(napi_env env, napi_value value);
  const char *data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::string copy_;
  const char *data_ = "";
  size_t size_ = 0;
};

}  // namespace llmrouter_node
