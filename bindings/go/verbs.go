package llmrouter

import "context"

// Request sends a request of any verb and waits for the answer as [Router.Completion] does. The path is OpenAI's:
// "/completions", "/responses", "/moderations", "/images/generations", "/images/edits", "/images/variations",
// "/rerank", "/audio/speech", "/audio/transcriptions", "/audio/translations", "/embeddings" or "/chat/completions";
// another one is [ErrInvalidArgument]. The request is anything that becomes a JSON object: a map, a struct, or JSON
// already, as [encoding/json.RawMessage] or []byte, which goes to the provider as it is. It takes the same members for
// the router as a [ChatRequest]. A file in it is a [File].
func (r *Router) Request(ctx context.Context, path string, request any) (*Answer, error) {
	text, err := encodeRequest(request)
	if err != nil {
		return nil, err
	}
	came, err := r.ask(ctx, path, text)
	if err != nil {
		return nil, err
	}
	answer := came.answer()
	return &answer, nil
}

// File is a file in a request, such as sound to transcribe or an image to edit:
//
//	router.Request(ctx, "/audio/transcriptions", map[string]any{
//		"model": "whisper",
//		"file":  llmrouter.File{Filename: "speech.wav", ContentType: "audio/wav", Data: wav},
//	})
type File struct {
	Filename    string `json:"filename,omitempty"`     // Some providers go by its ending.
	ContentType string `json:"content_type,omitempty"` // "application/octet-stream" if empty.
	Data        []byte `json:"data"`
}
