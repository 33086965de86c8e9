package llmrouter

import "encoding/json"

// Accumulator puts a streamed answer together, beside a loop of the program's own: texts, refusals and reasoning joined,
// tool calls by their index, each choice by its own; members that nobody has heard of are kept.
//
//	var whole llmrouter.Accumulator
//	for chunk, err := range stream.Chunks() {
//		if err != nil { … }
//		fmt.Print(chunk.Text())
//		whole.Add(chunk)
//	}
//	message, err := whole.Message()
//
// [Stream.Message] and [Stream.Response] are the same without the loop. What it tells may be asked for at any time, and
// is then what has come so far. The zero value is empty. It is not copied once it is used, and goroutines that share one
// take turns.
type Accumulator struct {
	head, choices merged
	usage         *merged
}

// Add takes over what the chunk's Raw says. What is no chunk of a chat completion adds nothing.
func (a *Accumulator) Add(chunk Chunk) {
	var members map[string]json.RawMessage
	if json.Unmarshal(chunk.Raw, &members) != nil {
		return
	}
	piece := parseMembers(members, mostDepth)
	choices := piece.members["choices"]
	if choices == nil || choices.kind != kindList {
		return
	}
	a.choices.add(choices, false)
	if usage := piece.given("usage"); usage != nil {
		a.usage = usage
	}
	a.head.add(piece.but("choices", "usage"), false)
}

// Body is the whole answer as JSON, in the shape that a [Response] has it: {"object": "chat.completion", "choices":
// [{"index", "message", "finish_reason", …}], "usage", …}. The "usage" is there if a chunk told it, a "finish_reason" is
// null until its choice has ended.
func (a *Accumulator) Body() json.RawMessage {
	whole := a.head.but()
	whole.members["object"] = said("chat.completion")
	whole.members["choices"] = &merged{kind: kindList, items: a.all()}
	if a.usage != nil {
		whole.members["usage"] = a.usage
	}
	return whole.appendTo(nil)
}

// Completion is the same, read. If a member is not of the type that OpenAI gives it, the error is [ErrAPIResponse].
func (a *Accumulator) Completion() (*ChatCompletion, error) {
	var completion ChatCompletion
	if err := json.Unmarshal(a.Body(), &completion); err != nil {
		return nil, unreadable("the answer can't be read", err)
	}
	return &completion, nil
}

// Message is the first choice's message, which can be sent back as it is; before it has come, an empty one of the
// assistant. If a member is not of the type that OpenAI gives it, the error is [ErrAPIResponse].
func (a *Accumulator) Message() (Message, error) {
	var message Message
	if err := json.Unmarshal(a.message().appendTo(nil), &message); err != nil {
		return Message{}, unreadable("the message can't be read", err)
	}
	return message, nil
}

// Text is the first choice's text; "" if it has none.
func (a *Accumulator) Text() string {
	var content Content
	if json.Unmarshal(a.message().members["content"].appendTo(nil), &content) != nil {
		return ""
	}
	return content.String()
}

// all are the choices as a whole answer has them.
func (a *Accumulator) all() []*merged {
	var all []*merged
	for _, choice := range a.choices.items {
		if choice.kind != kindObject {
			continue
		}
		whole := choice.but("delta")
		whole.members["message"] = messageOf(choice.members["delta"])
		if whole.members["finish_reason"] == nil {
			whole.members["finish_reason"] = &merged{written: []byte("null")}
		}
		all = append(all, whole)
	}
	return all
}

// message is that of the first choice.
func (a *Accumulator) message() *merged {
	for _, choice := range a.choices.items {
		if choice.kind == kindObject {
			return messageOf(choice.members["delta"])
		}
	}
	return messageOf(nil)
}

// messageOf makes a message that can be sent back: with what a request's must have, without what it must not.
func messageOf(delta *merged) *merged {
	if delta == nil {
		delta = &merged{}
	}
	message := delta.but("tool_calls")
	if delta.says("role") == nil {
		message.members["role"] = said("assistant")
	}
	if calls := delta.given("tool_calls"); calls != nil && len(calls.items) > 0 {
		whole := &merged{kind: kindList}
		for _, call := range calls.items {
			whole.items = append(whole.items, callOf(call))
		}
		message.members["tool_calls"] = whole
	}
	if delta.says("content") == nil {
		message.members["content"] = said("")
		// A message with one of these may be without content.
		for _, name := range []string{"tool_calls", "refusal", "function_call", "audio"} {
			if message.given(name) != nil {
				message.members["content"] = &merged{written: []byte("null")}
			}
		}
	}
	return message
}

func callOf(call *merged) *merged {
	if call.kind != kindObject {
		return call
	}
	whole := call.but("index")
	kind := call.says("type")
	if kind == nil {
		kind = said("function")
		whole.members["type"] = kind
	}
	if string(kind.written) != "function" {
		return whole
	}
	function := &merged{}
	if given := call.given("function"); given != nil {
		function = given
	}
	function = function.but()
	for _, name := range []string{"name", "arguments"} {
		if function.given(name) == nil {
			function.members[name] = said("")
		}
	}
	whole.members["function"] = function
	return whole
}
