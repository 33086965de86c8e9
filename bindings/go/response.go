package llmrouter

import (
	"encoding/json"
	"sync"
)

// Response is the answer to a chat completion.
type Response struct {
	Answer

	readCompletion sync.Once
	completion     *ChatCompletion
	unreadable     error
}

// Completion reads the body. It fails if a member is not of the type that OpenAI gives it; Body then still has it.
// Read once; every call returns the same object.
func (r *Response) Completion() (*ChatCompletion, error) {
	r.readCompletion.Do(func() {
		var completion ChatCompletion
		if r.unreadable = json.Unmarshal(r.Body, &completion); r.unreadable == nil {
			r.completion = &completion
		}
	})
	return r.completion, r.unreadable
}
