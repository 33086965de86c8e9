package llmrouter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// encode is json.Marshal, but leaves <, > and & in texts as they are: the request is no HTML.
func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// join renders a struct and the members that it has no field for as one object.
func join(typed any, extra map[string]any) ([]byte, error) {
	text, err := encode(typed)
	if err != nil || len(extra) == 0 {
		return text, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for name := range extra {
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("%q stands in Extra and in its field", name)
		}
	}
	more, err := encode(extra)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return more, nil
	}
	text[len(text)-1] = ','
	return append(text, more[1:]...), nil
}

// split reads an object into a struct, and returns the members that it has no field for, as they stand there. A
// message is read and written, so there they are held as any.
func split[V any](data []byte, typed any) (map[string]V, error) {
	if err := json.Unmarshal(data, typed); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	shape := reflect.TypeOf(typed).Elem()
	for i := range shape.NumField() {
		name, _, _ := strings.Cut(shape.Field(i).Tag.Get("json"), ",")
		delete(members, name)
	}
	var extra map[string]V
	for name, value := range members {
		if extra == nil {
			extra = make(map[string]V, len(members))
		}
		extra[name] = any(value).(V)
	}
	return extra, nil
}
