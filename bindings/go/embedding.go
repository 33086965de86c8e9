package llmrouter

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"time"
)

// EmbeddingRequest asks for embeddings. Fields that are not set are not sent.
type EmbeddingRequest struct {
	// Model is the name of a model group, an alias of one, a name that a wildcard takes, or a deployment's id.
	Model string `json:"model"`
	// Input is [InputText], [InputTexts], [InputTokens] or [InputTokenLists].
	Input EmbeddingInput `json:"input"`

	Dimensions *int `json:"dimensions,omitempty"` // Of each vector.
	// EncodingFormat is "float", or "base64" for an answer of a third of the size; the vectors are read either way.
	EncodingFormat string `json:"encoding_format,omitempty"`
	User           string `json:"user,omitempty"`

	// These are for the router and are not sent; they are those of [ChatRequest].

	Timeout    time.Duration `json:"-"`
	Deadline   time.Duration `json:"-"`
	NumRetries *int          `json:"num_retries,omitempty"`
	Fallbacks  Fallbacks     `json:"fallbacks,omitempty"`
	Cache      *CacheControl `json:"cache,omitempty"`
	Caching    *bool         `json:"caching,omitempty"`

	// Extra are further members, for the provider and for the router. One that has a field which is set is an error.
	Extra map[string]any `json:"-"`
}

// EmbeddingInput is what is embedded: [InputText], [InputTexts], [InputTokens] or [InputTokenLists].
type EmbeddingInput interface{ embeddingInput() }

// InputText is one text.
type InputText string

// InputTexts are several texts; each has its vector.
type InputTexts []string

// InputTokens are the tokens of one text.
type InputTokens []int

// InputTokenLists are the tokens of several texts; each has its vector.
type InputTokenLists [][]int

func (InputText) embeddingInput()       {}
func (InputTexts) embeddingInput()      {}
func (InputTokens) embeddingInput()     {}
func (InputTokenLists) embeddingInput() {}

// MarshalJSON renders the request as OpenAI's.
func (r EmbeddingRequest) MarshalJSON() ([]byte, error) {
	type plain EmbeddingRequest
	return join(struct {
		plain
		Timeout  float64 `json:"timeout,omitempty"` // Seconds, both.
		Deadline float64 `json:"deadline,omitempty"`
	}{plain(r), r.Timeout.Seconds(), r.Deadline.Seconds()}, r.Extra)
}

// EmbeddingResponse is the answer to a request for embeddings.
type EmbeddingResponse struct {
	Answer `json:"-"`

	Model string      `json:"model"` // As the provider names it.
	Data  []Embedding `json:"data"`  // One for each input, in their order.
	Usage *Usage      `json:"usage"` // nil if the provider reported none.
	// Extra are the members without a field.
	Extra map[string]json.RawMessage `json:"-"`
}

// Embedding is the vector of the input with this index.
type Embedding struct {
	Index  int    `json:"index"`
	Vector Vector `json:"embedding"`
}

// Vector is an embedding as numbers, however it was encoded.
type Vector []float64

// UnmarshalJSON keeps what has no field in Extra.
func (r *EmbeddingResponse) UnmarshalJSON(data []byte) (err error) {
	type plain EmbeddingResponse
	r.Extra, err = split[json.RawMessage](data, (*plain)(r))
	return err
}

// UnmarshalJSON reads numbers, or the Base64 of little-endian 32-bit ones.
func (v *Vector) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, (*[]float64)(v))
	}
	var packed []byte
	if err := json.Unmarshal(data, &packed); err != nil {
		return err
	}
	if len(packed)%4 != 0 {
		return errors.New("llmrouter: a vector in Base64 is not of 32-bit numbers")
	}
	*v = make(Vector, len(packed)/4)
	for i := range *v {
		(*v)[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(packed[4*i:])))
	}
	return nil
}

// Embedding asks for embeddings and waits for them as [Router.Completion] does. An answer whose members have other
// types than OpenAI's is [ErrAPIResponse]; [Router.Request] gives such a one out.
func (r *Router) Embedding(ctx context.Context, request EmbeddingRequest) (*EmbeddingResponse, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	return r.EmbeddingRaw(ctx, text)
}

// EmbeddingRaw is [Router.Embedding] for a request that is JSON already, as [Router.CompletionRaw] takes it.
func (r *Router) EmbeddingRaw(ctx context.Context, request json.RawMessage) (*EmbeddingResponse, error) {
	came, err := r.ask(ctx, "/embeddings", request)
	if err != nil {
		return nil, err
	}
	response := &EmbeddingResponse{Answer: came.answer()}
	if err := json.Unmarshal(response.Body, response); err != nil {
		return nil, unreadable("the embeddings can't be read", err)
	}
	return response, nil
}

// unreadable is the error of an answer whose members have other types than OpenAI's.
func unreadable(what string, cause error) *Error {
	failed := localError(C.ROUTER_ERROR_API_RESPONSE, ErrAPIResponse, what+": "+cause.Error())
	failed.causes = []error{cause}
	return failed
}
