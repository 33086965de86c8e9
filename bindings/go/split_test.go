package llmrouter_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// Answers taken to pieces: each text cut anywhere, the pieces of all in any order that keeps each text's own.

type members = map[string]any

// cut never cuts within a character: a chunk is UTF-8.
func cut(text string, random *rand.Rand) []string {
	pieces := []string{""}
	for _, character := range text {
		if random.Float64() < 0.3 {
			pieces = append(pieces, "")
		}
		pieces[len(pieces)-1] += string(character)
	}
	return pieces
}

// queues are the deltas of a message: each queue is in order, and they are in none.
func queues(message members, random *rand.Rand) [][]members {
	all := [][]members{{{"role": message["role"], "content": ""}}}
	for _, name := range slices.Sorted(maps.Keys(message)) {
		text, ok := message[name].(string)
		if !ok || name == "role" {
			continue
		}
		var queue []members
		for _, piece := range cut(text, random) {
			queue = append(queue, members{name: piece})
		}
		all = append(all, queue)
	}
	calls, _ := message["tool_calls"].([]any)
	for index, call := range calls {
		call, function := call.(members), call.(members)["function"].(members)
		put := func(piece members) members {
			piece["index"] = index
			return members{"tool_calls": []any{piece}}
		}
		begun := members{"name": function["name"], "arguments": ""}
		queue := []members{put(members{"id": call["id"], "type": call["type"], "function": begun})}
		for _, piece := range cut(function["arguments"].(string), random) {
			queue = append(queue, put(members{"function": members{"arguments": piece}}))
		}
		all = append(all, queue)
	}
	return all
}

// split makes the chunks of a whole answer, the same ones for the same seed.
func split(t *testing.T, answer []byte, seed uint64) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	var whole members
	if err := json.Unmarshal(answer, &whole); err != nil {
		t.Fatal(err)
	}
	type waiting struct {
		queue  []members
		choice members
	}
	var all []waiting
	left := map[any]int{}
	for _, choice := range whole["choices"].([]any) {
		choice := choice.(members)
		for _, queue := range queues(choice["message"].(members), random) {
			all = append(all, waiting{queue, choice})
			left[choice["index"]]++
		}
	}
	var pieces []any
	for len(all) > 0 {
		at := random.IntN(len(all))
		index := all[at].choice["index"]
		pieces = append(pieces, members{"index": index, "delta": all[at].queue[0], "finish_reason": nil})
		if all[at].queue = all[at].queue[1:]; len(all[at].queue) > 0 {
			continue
		}
		// A choice ends behind all that belongs to it.
		if left[index]--; left[index] == 0 {
			reason := all[at].choice["finish_reason"]
			pieces = append(pieces, members{"index": index, "delta": members{}, "finish_reason": reason})
		}
		all = slices.Delete(all, at, at+1)
	}
	var chunks []string
	put := func(choices []any, usage any) {
		chunk := maps.Clone(whole)
		chunk["object"], chunk["choices"] = "chat.completion.chunk", choices
		delete(chunk, "usage")
		if usage != nil {
			chunk["usage"] = usage
		}
		text, err := json.Marshal(chunk)
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, string(text))
	}
	for len(pieces) > 0 {
		some := 1
		if random.Float64() < 0.2 {
			some = min(2, len(pieces))
		}
		put(pieces[:some], nil)
		pieces = pieces[some:]
	}
	if usage := whole["usage"]; usage != nil {
		put([]any{}, usage)
	}
	return chunks
}

// accumulated adds these chunks, read as those of a stream are.
func accumulated(t *testing.T, chunks ...string) *llmrouter.Accumulator {
	t.Helper()
	whole := new(llmrouter.Accumulator)
	for _, text := range chunks {
		chunk, err := llmrouter.ReadChunk([]byte(text))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		whole.Add(chunk)
		if string(chunk.Raw) != text {
			t.Errorf("a chunk belongs to its reader, and is now %s", chunk.Raw)
		}
	}
	return whole
}
