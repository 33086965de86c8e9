package llmrouter

// #include "shim.h"
import "C"

// Metrics returns all metrics in Prometheus' text format 0.0.4, for a program that serves them itself:
//
//	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
//		text, err := router.Metrics()
//		if err != nil {
//			http.Error(w, err.Error(), http.StatusServiceUnavailable)
//			return
//		}
//		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
//		w.Write(text)
//	})
//
// It waits up to 100 ms until what has happened is counted. Where the configuration asks for no metrics, events are
// counted from the first call on. It fails with [ErrShutDown] after [Router.Close].
func (r *Router) Metrics() ([]byte, error) {
	if !r.cross() {
		return nil, localError(C.ROUTER_ERROR_SHUT_DOWN, ErrShutDown, "the router is closed")
	}
	defer r.uncross()
	var length C.size_t
	text := C.router_metrics(r.handle, &length)
	if text == nil {
		return nil, localError(C.ROUTER_ERROR_INTERNAL, ErrInternal, "the library gave no metrics")
	}
	return takeText(text, length), nil
}
