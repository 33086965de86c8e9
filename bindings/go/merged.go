package llmrouter

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// mostDepth is how deep pieces are looked into. What lies deeper does not come in pieces: it is kept as it is written.
const mostDepth = 16

// growing are the members whose texts are pieces of one text; of any other the last one that says something counts.
var growing = map[string]bool{
	"content": true, "refusal": true, "reasoning_content": true, "reasoning": true, "arguments": true, "text": true,
	"data": true, "transcript": true, "thinking": true,
}

type mergedKind int

const (
	kindPlain mergedKind = iota
	kindText
	kindObject
	kindList
)

// merged is a JSON value put together from pieces.
type merged struct {
	kind mergedKind
	// written is what a plain value is written as; of a text, what stands between its quotes. Joined as it is written, a
	// character whose two escapes came apart is whole again.
	written []byte
	members map[string]*merged
	items   []*merged
}

// parse reads valid JSON without space around it.
func parse(value json.RawMessage, depth int) *merged {
	switch {
	case value[0] == '"':
		return &merged{kind: kindText, written: value[1 : len(value)-1]}
	case depth > 0 && value[0] == '{':
		var members map[string]json.RawMessage
		_ = json.Unmarshal(value, &members)
		return parseMembers(members, depth-1)
	case depth > 0 && value[0] == '[':
		var items []json.RawMessage
		_ = json.Unmarshal(value, &items)
		whole := &merged{kind: kindList}
		for _, item := range items {
			// Those of one list may belong together already.
			whole.addItem(parse(item, depth-1))
		}
		return whole
	}
	return &merged{written: value}
}

func parseMembers(members map[string]json.RawMessage, depth int) *merged {
	whole := &merged{kind: kindObject, members: make(map[string]*merged, len(members))}
	for name, value := range members {
		whole.members[name] = parse(value, depth)
	}
	return whole
}

// said is a text that needs no escapes.
func said(words string) *merged { return &merged{kind: kindText, written: []byte(words)} }

// add takes a piece over, which nobody else may have; grows says that texts are joined.
func (m *merged) add(piece *merged, grows bool) {
	switch {
	case piece.kind != m.kind || m.kind == kindPlain:
		*m = *piece
	case m.kind == kindText && grows:
		m.written = append(m.written, piece.written...)
	case m.kind == kindText:
		if len(piece.written) > 0 {
			m.written = piece.written
		}
	case m.kind == kindObject:
		m.addMembers(piece)
	default:
		for _, item := range piece.items {
			m.addItem(item)
		}
	}
}

func (m *merged) addMembers(piece *merged) {
	for name, value := range piece.members {
		if known := m.members[name]; known == nil {
			m.members[name] = value
		} else if !value.isNull() {
			known.add(value, growing[name])
		}
	}
}

// addItem joins items with the same index, and keeps these in its order; others follow each other.
func (m *merged) addItem(item *merged) {
	at := -1
	index, numbered := item.index()
	if numbered {
		at = slices.IndexFunc(m.items, func(known *merged) bool {
			other, numbered := known.index()
			return numbered && other >= index
		})
	}
	if at < 0 {
		m.items = append(m.items, item)
	} else if other, _ := m.items[at].index(); other == index {
		m.items[at].add(item, false)
	} else {
		m.items = slices.Insert(m.items, at, item)
	}
}

// index is the member of that name, if there is one and it is a number.
func (m *merged) index() (float64, bool) {
	index := m.members["index"]
	if index == nil || index.kind != kindPlain {
		return 0, false
	}
	number, err := strconv.ParseFloat(string(index.written), 64)
	return number, err == nil
}

func (m *merged) isNull() bool { return m.kind == kindPlain && string(m.written) == "null" }

// given is a member that is there and not null; nil if there is none.
func (m *merged) given(name string) *merged {
	if value := m.members[name]; value != nil && !value.isNull() {
		return value
	}
	return nil
}

// says is a member that is given, and no empty text.
func (m *merged) says(name string) *merged {
	if value := m.given(name); value != nil && (value.kind != kindText || len(value.written) > 0) {
		return value
	}
	return nil
}

// but is the object, or an empty one if this is none, without these members. What it has stays shared.
func (m *merged) but(names ...string) *merged {
	others := &merged{kind: kindObject, members: map[string]*merged{}}
	maps.Copy(others.members, m.members)
	for _, name := range names {
		delete(others.members, name)
	}
	return others
}

// appendTo writes it as JSON, the members of objects by their names.
func (m *merged) appendTo(out []byte) []byte {
	switch m.kind {
	case kindPlain:
		return append(out, m.written...)
	case kindText:
		return append(append(append(out, '"'), m.written...), '"')
	case kindList:
		out = append(out, '[')
		for i, item := range m.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.appendTo(out)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for i, name := range slices.Sorted(maps.Keys(m.members)) {
		if i > 0 {
			out = append(out, ',')
		}
		// A text is always JSON.
		quoted, _ := encode(name)
		out = m.members[name].appendTo(append(append(out, quoted...), ':'))
	}
	return append(out, '}')
}
