package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/llmrouter/llmrouter/bindings/go"
)

func routed(job task) (*llmrouter.Router, error) {
	return llmrouter.NewFromFile(job.config)
}

// routerCall is one call through the router.
func routerCall(router *llmrouter.Router, job task) func() error {
	return func() error {
		answer, err := router.CompletionRaw(context.Background(), job.request)
		if err != nil {
			return err
		}
		if len(answer.Body) == 0 {
			return errors.New("an answer without a body")
		}
		return nil
	}
}

// bareCall is the floor: the same bytes through an http.Client that keeps its connections.
func bareCall(job task) func() error {
	// By default it would keep two of them.
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: job.inFlight}}
	return func() error {
		request, err := http.NewRequest(http.MethodPost, job.url, bytes.NewReader(job.request))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer sk-bench-0123456789abcdef0123456789abcdef")
		request.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK || len(body) == 0 {
			return fmt.Errorf("status %d, %d bytes", answer.StatusCode, len(body))
		}
		return nil
	}
}
