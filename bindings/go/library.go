package llmrouter

// #include "shim.h"
import "C"

import "fmt"

// Version is the library's version, such as "0.1.0".
func Version() string {
	return C.GoString(C.router_version())
}

// mismatch is why the library that was loaded can't be used, or nil. It is found at load, and every way to make a
// [Router] reports it.
var mismatch = compare(C.ROUTER_ABI_VERSION, uint32(C.router_abi_version()))

// compare tells whether a library serves a program that was compiled with this header: equal majors, and at least
// its minor.
func compare(header, library uint32) error {
	if header>>16 == library>>16 && library&0xffff >= header&0xffff {
		return nil
	}
	return fmt.Errorf("llmrouter: the loaded library has ABI %d.%d, this program needs %d.%d",
		library>>16, library&0xffff, header>>16, header&0xffff)
}

// className is what the library calls the class of a code.
func className(code int) string { return C.GoString(C.router_error_name(C.int32_t(code))) }
