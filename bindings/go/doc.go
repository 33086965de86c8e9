// Package llmrouter sends a chat completion to "a model" and has the best healthy deployment of that model answer it:
// balanced, retried and failed over inside this process. It reads LiteLLM's configuration.
//
//	router, err := llmrouter.NewFromFile("config.yaml")
//	if err != nil { … }
//	defer router.Close()
//
//	answer, err := router.Completion(ctx, llmrouter.ChatRequest{
//		Model:    "gpt-4",
//		Messages: []llmrouter.Message{llmrouter.User("Hi")},
//	})
//	var failed *llmrouter.Error
//	switch {
//	case errors.Is(err, llmrouter.ErrRateLimit):   // by class
//	case errors.As(err, &failed):                  // with its details
//	}
//
// [Router.Stream] gives the answer out in chunks, as it comes:
//
//	stream, err := router.Stream(ctx, request)
//	if err != nil { … }
//	for chunk, err := range stream.Chunks() {
//		if err != nil { … }
//		fmt.Print(chunk.Text())
//	}
//
// [Stream.Response] is the whole answer again, [Stream.Message] a message that can be sent back; an [Accumulator] makes
// both beside that loop.
//
// [Router.Embedding] asks for embeddings; [Router.Request] and [Router.RequestStream] take a request of any other verb, by
// OpenAI's path: "/responses", "/audio/transcriptions", ….
//
// [Router.SetEventListener] hears each attempt and each call when it has ended: who was asked, what it took, what it
// cost, why it failed.
//
// Any number of goroutines may use a [Router] at once. A call costs no thread while it waits: thousands may be in
// flight. Its context cancels it.
//
// The package links libllmrouter statically from what stage.sh put beside it. With the build tag llmrouter_dynamic it
// uses the shared library that pkg-config finds.
package llmrouter
