// The log listener. The library has one for the whole process; the JavaScript thread that set it last has it.
#pragma once

#include "inbox.h"
#include "napi.h"

namespace llmrouter_node {

// `setLogListener(level, onRecords)`; no `onRecords` turns it off.
napi_value set_log_listener(napi_env env, napi_callback_info info);

// Turns the log off if it goes to this inbox.
void stop_listening(const Inbox *inbox);

}  // namespace llmrouter_node
