#include "napi.h"

namespace llmrouter_node {

Text::Text(napi_env env, napi_value value) {
  void *bytes = nullptr;
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) == napi_ok && is_typed_array) {
    if (napi_get_typedarray_info(env, value, nullptr, &size_, &bytes, nullptr, nullptr) != napi_ok) size_ = 0;
    // An empty array may have no address; the library wants one.
    if (size_ > 0) data_ = static_cast<const char *>(bytes);
    return;
  }
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size_) != napi_ok) {
    size_ = 0;
    return;
  }
  copy_.resize(size_);
  // One byte more for the NUL that Node-API writes: std::string has room for it.
  napi_get_value_string_utf8(env, value, copy_.data(), size_ + 1, &size_);
  data_ = copy_.data();
}

}  // namespace llmrouter_node
