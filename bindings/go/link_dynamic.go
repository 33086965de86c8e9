//go:build llmrouter_dynamic

package llmrouter

// #cgo pkg-config: llmrouter
import "C"
