package llmrouter

// #include "shim.h"
import "C"

import "runtime"

// Reload puts another configuration, YAML (or JSON) text, in the place of this one. Calls that have begun keep theirs; what
// was learnt of a deployment whose id stays (health, use, latency) is kept. It fails with [ErrConfig] as [NewFromYAML]
// does, and then nothing has changed; with [ErrInCallback] inside a listener; with [ErrShutDown] after
// [Router.Close].
func (r *Router) Reload(yaml string) error {
	// What a reload warns of is heard while it runs: a listener that reloads would wait for itself.
	if bool(C.llmrouter_go_listening()) {
		return localError(C.ROUTER_ERROR_IN_CALLBACK, ErrInCallback, "the configuration was replaced inside a listener")
	}
	// No crossing is taken: the listener that hears those warnings may need one.
	if !r.uses.enter() {
		return localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer runtime.KeepAlive(r)
	defer r.uses.leave()
	var failed *C.router_error_t
	text, length := pointer(yaml)
	if !bool(C.router_reload_from_yaml(r.handle, text, length, &failed)) {
		return takeError(failed)
	}
	return nil
}
