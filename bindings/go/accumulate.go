package llmrouter

import (
	"encoding/json"
	"strings"
)

// Text reads the stream to its end and returns the first answer's text; with an error, what came of it.
func (s *Stream) Text() (string, error) {
	var text strings.Builder
	for chunk, err := range s.Chunks() {
		if err != nil {
			return text.String(), err
		}
		text.WriteString(chunk.Text())
	}
	return text.String(), nil
}

// Message reads the stream to its end and returns the first answer as one message, which can be sent back as it is;
// with an error, what came of it. What the model reasoned is in its Extra, as "reasoning_content".
func (s *Stream) Message() (Message, error) {
	var sum sum
	for chunk, err := range s.Chunks() {
		if err != nil {
			return sum.message(), err
		}
		for _, choice := range chunk.Choices {
			if choice.Index == 0 {
				sum.add(&choice.Delta)
			}
		}
	}
	return sum.message(), nil
}

// sum is what the deltas of one message add up to.
type sum struct {
	role                        string
	content, reasoning, refusal strings.Builder
	calls                       []*callSum
}

type callSum struct {
	index               int
	id, kind            string
	name, argumentsJSON strings.Builder
}

func (s *sum) add(delta *Delta) {
	if delta.Role != "" {
		s.role = delta.Role
	}
	s.content.WriteString(delta.Content)
	s.reasoning.WriteString(delta.ReasoningContent)
	s.refusal.WriteString(delta.Refusal)
	for _, piece := range delta.ToolCalls {
		call := s.call(piece.Index)
		if piece.ID != "" {
			call.id = piece.ID
		}
		if piece.Type != "" {
			call.kind = piece.Type
		}
		call.name.WriteString(piece.Function.Name)
		call.argumentsJSON.WriteString(piece.Function.Arguments)
	}
}

// call is the one with this index, in the order of their beginnings.
func (s *sum) call(index int) *callSum {
	for _, call := range s.calls {
		if call.index == index {
			return call
		}
	}
	call := &callSum{index: index}
	s.calls = append(s.calls, call)
	return call
}

func (s *sum) message() Message {
	message := Message{Role: s.role, Refusal: s.refusal.String()}
	if s.content.Len() > 0 {
		message.Content = Text(s.content.String())
	}
	if s.reasoning.Len() > 0 {
		// A text is always JSON.
		reasoning, _ := encode(s.reasoning.String())
		message.Extra = map[string]any{"reasoning_content": json.RawMessage(reasoning)}
	}
	for _, call := range s.calls {
		function := FunctionCall{Name: call.name.String(), Arguments: call.argumentsJSON.String()}
		message.ToolCalls = append(message.ToolCalls, ToolCall{ID: call.id, Type: call.kind, Function: function})
	}
	return message
}
