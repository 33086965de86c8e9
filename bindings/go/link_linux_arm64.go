//go:build !llmrouter_dynamic

package llmrouter

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: ${SRCDIR}/lib/linux_arm64/libllmrouter.a -lutil -lrt -lpthread -lm -ldl
import "C"

import (
	_ "github.com/llmrouter/llmrouter/bindings/go/include"
	_ "github.com/llmrouter/llmrouter/bindings/go/lib/linux_arm64"
)
