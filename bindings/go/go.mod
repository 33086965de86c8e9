module github.com/llmrouter/llmrouter/bindings/go

go 1.23.0
