package llmrouter_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// streamTable is the table of streams that all languages run.
type streamTable struct {
	About         string
	Request       json.RawMessage
	WithinMS      int `json:"within_ms"`
	Alone, Beside string
	Clean, Begun  []string
	Wires         []map[string]string
	Before        []streamRow
	After         []streamRow
	Whole         []streamRow
}

// streamRow is a reply, and the error that a stream of it ends with.
type streamRow struct {
	Name  string
	Reply json.RawMessage
	Error map[string]any
}

// streamRun is one row on one wire.
type streamRun struct {
	*streamTable
	row  streamRow
	wire map[string]string
	base string
}

func TestStreamCases(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "streams.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table streamTable
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	// A member that this runner does not know would be a check that it does not make.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		t.Fatal(err)
	}
	if len(table.Wires) < 2 || len(table.Before) < 10 || len(table.After) < 10 || len(table.Whole) < 3 {
		t.Fatal("the table is too small")
	}
	table.each(t, "before", table.Before, (*streamRun).failsBefore)
	table.each(t, "after", table.After, (*streamRun).failsAfter)
	table.each(t, "whole", table.Whole, (*streamRun).succeeds)
}

func (table *streamTable) each(t *testing.T, when string, rows []streamRow, check func(*streamRun, *testing.T)) {
	for _, row := range rows {
		for _, wire := range table.Wires {
			t.Run(when+": "+row.Name+", "+wire["wire"], func(t *testing.T) {
				noGoroutinesLeft(t)
				run := &streamRun{streamTable: table, row: row, wire: wire}
				run.base = fake(t, `{"paths": {"/first": [`+filled(string(row.Reply), wire, true)+`]}}`)
				start := time.Now()
				check(run, t)
				if took := time.Since(start); took > time.Duration(table.WithinMS)*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

// filled puts the parts into their places, escaped as within a JSON text if that is what they go into.
func filled(text string, parts map[string]string, escaped bool) string {
	for name, part := range parts {
		if escaped {
			quoted, _ := json.Marshal(part)
			part = string(quoted[1 : len(quoted)-1])
		}
		text = strings.ReplaceAll(text, "{{"+name+"}}", part)
	}
	return text
}

// start opens a stream at a router of this configuration.
func (r *streamRun) start(t *testing.T, config string) (*llmrouter.Stream, error) {
	config = strings.ReplaceAll(filled(config, r.wire, false), "{{provider}}", r.base)
	return open(t, config).StreamRaw(context.Background(), r.Request)
}

// read reads to the end: the chunks that came, and the error if there was one.
func (r *streamRun) read(t *testing.T, stream *llmrouter.Stream) (chunks []llmrouter.Chunk, failed error) {
	for chunk, err := range stream.Chunks() {
		switch {
		case failed != nil:
			t.Error("there is more after the error")
		case err != nil:
			failed = err
		default:
			chunks = append(chunks, chunk)
		}
	}
	return chunks, failed
}

// expected is the row's error, and who is to blame.
func (r *streamRun) expected() map[string]any {
	all := map[string]any{"provider": r.wire["wire"], "deployment": "first", "attempts": 1.0}
	for name, value := range r.row.Error {
		all[name] = value
	}
	return all
}

func (r *streamRun) failsBefore(t *testing.T) {
	_, err := r.start(t, r.Alone)
	checkError(t, err, r.expected())

	stream, err := r.start(t, r.Beside)
	if err != nil {
		t.Fatal(err)
	}
	r.checkWhole(t, stream, r.Clean, "second")
	metadata := stream.Metadata()
	checkTried(t, metadata, [][2]string{{"first", r.row.Error["class"].(string)}, {"second", ""}})
	if metadata.Deployment != "second" || metadata.Provider != r.wire["other"] || metadata.Fallbacks != 0 {
		t.Errorf("%s", stream.RawMetadata())
	}
	if metadata.Usage == nil || metadata.Usage.TotalTokens != 30 || metadata.UsageEstimated {
		t.Errorf("%s", stream.RawMetadata())
	}
}

func (r *streamRun) failsAfter(t *testing.T) {
	stream, err := r.start(t, r.Beside)
	if err != nil {
		t.Fatal(err)
	}
	chunks, failed := r.read(t, stream)
	checkPieces(t, chunks, r.Begun)
	checkError(t, failed, r.expected())
	if more, again := r.read(t, stream); len(more) > 0 || !errors.Is(again, failed) {
		t.Errorf("the end does not stay: %d chunks, %v", len(more), again)
	}
	metadata := stream.Metadata()
	checkTried(t, metadata, [][2]string{{"first", r.row.Error["class"].(string)}})
	if metadata.Usage == nil || !metadata.UsageEstimated {
		t.Errorf("%s", stream.RawMetadata())
	}

	// What gathers the chunks gives what there was, beside the error.
	if stream, err = r.start(t, r.Beside); err != nil {
		t.Fatal(err)
	}
	message, err := stream.Message()
	checkError(t, err, r.expected())
	if message.Content.String() != strings.Join(r.Begun, "") {
		t.Errorf("%+v", message)
	}
}

func (r *streamRun) succeeds(t *testing.T) {
	stream, err := r.start(t, r.Beside)
	if err != nil {
		t.Fatal(err)
	}
	r.checkWhole(t, stream, r.Begun, "first")
	if more, err := r.read(t, stream); len(more) > 0 || err != nil {
		t.Errorf("the end does not stay: %d chunks, %v", len(more), err)
	}
	checkTried(t, stream.Metadata(), [][2]string{{"first", ""}})
	if stream.Metadata().Usage == nil {
		t.Errorf("%s", stream.RawMetadata())
	}
}

// checkWhole wants one clean stream of one deployment, with nothing else in it.
func (r *streamRun) checkWhole(t *testing.T, stream *llmrouter.Stream, pieces []string, from string) {
	t.Helper()
	chunks, err := r.read(t, stream)
	if err != nil {
		t.Fatal(err)
	}
	checkPieces(t, chunks, pieces)
	roles, ends := 0, 0
	for _, chunk := range chunks {
		if chunk.ID != chunks[0].ID || !strings.Contains(chunk.ID, from) {
			t.Errorf("a chunk of %q in a stream of %q", chunk.ID, chunks[0].ID)
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Role != "" {
				roles++
			}
			if choice.FinishReason != "" {
				ends++
			}
		}
	}
	if roles != 1 || ends > 1 {
		t.Errorf("%d beginnings, %d ends", roles, ends)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}

// checkPieces compares the text, piece by piece.
func checkPieces(t *testing.T, chunks []llmrouter.Chunk, expected []string) {
	t.Helper()
	var pieces []string
	for _, chunk := range chunks {
		if text := chunk.Text(); text != "" {
			pieces = append(pieces, text)
		}
	}
	if !reflect.DeepEqual(pieces, expected) {
		t.Errorf("the pieces are %q, not %q", pieces, expected)
	}
}

// checkTried compares who was tried, and how each ended.
func checkTried(t *testing.T, metadata *llmrouter.Metadata, expected [][2]string) {
	t.Helper()
	var tried [][2]string
	for _, attempt := range metadata.Attempts {
		tried = append(tried, [2]string{attempt.Deployment, attempt.Error})
	}
	if !reflect.DeepEqual(tried, expected) {
		t.Errorf("the attempts are %v, not %v", tried, expected)
	}
}
