module github.com/llmrouter/llmrouter/tests/scale/go

go 1.23.0

require github.com/llmrouter/llmrouter/bindings/go v0.0.0

replace github.com/llmrouter/llmrouter/bindings/go => ../../../bindings/go
