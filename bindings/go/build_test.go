package llmrouter_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

func TestVersions(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(dist(t), "lib", "pkgconfig", "llmrouter.pc"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifest), "\nVersion: "+llmrouter.Version()+"\n") {
		t.Errorf("%s is not the version in\n%s", llmrouter.Version(), manifest)
	}
	const v1_2 = 1<<16 | 2
	for library, fits := range map[uint32]bool{v1_2: true, v1_2 + 1: true, v1_2 - 1: false, 2<<16 | 2: false, 2: false} {
		if err := llmrouter.Compare(v1_2, library); (err == nil) != fits {
			t.Errorf("%#x: %v", library, err)
		}
	}
}

// linkModes are the ways to build a program: flags, environment and whether it needs the shared library.
func linkModes(t *testing.T) map[string]struct {
	tags   string
	shared bool
} {
	t.Helper()
	t.Setenv("PKG_CONFIG_PATH", filepath.Join(dist(t), "lib", "pkgconfig"))
	t.Setenv("LD_LIBRARY_PATH", filepath.Join(dist(t), "lib"))
	return map[string]struct {
		tags   string
		shared bool
	}{"static": {"", false}, "dynamic": {"llmrouter_dynamic", true}}
}

// build builds the package in a folder and checks what it is linked with.
func build(t *testing.T, folder, path, tags string, shared bool) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	tool(t, folder, []string{"GOFLAGS=", "GOWORK=off"}, "go", "build", "-buildvcs=false", "-tags", tags, "-o", program, path)
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	ours := func(name string) bool { return strings.HasPrefix(name, "libllmrouter") }
	if slices.ContainsFunc(libraries, ours) != shared {
		t.Errorf("it needs %v", libraries)
	}
	return program
}

func TestExamples(t *testing.T) {
	folder := filepath.Join(root(t), "examples", "go")
	checks := map[string]func(*testing.T, string){
		"hello": checkHello, "failover": checkFailover, "many": checkMany, "explain": checkExplain,
		"stream": checkStream, "tools": checkTools, "caching": checkCaching,
		"events": checkEvents,
	}
	for mode, how := range linkModes(t) {
		for name, check := range checks {
			t.Run(name+" "+mode, func(t *testing.T) {
				program := build(t, folder, "./"+name, how.tags, how.shared)
				text := tool(t, root(t), nil, program)
				t.Log(text)
				check(t, text)
			})
		}
	}
	entries, err := filepath.Glob(filepath.Join(folder, "*", "main.go"))
	if err != nil || len(entries) != len(checks) {
		t.Errorf("%d of the examples %v have a check (%v)", len(checks), entries, err)
	}
}

func checkHello(t *testing.T, text string) {
	answer, metadata, _ := strings.Cut(text, "\n")
	if answer != "Hello from a deployment!" || !strings.Contains(metadata, `"deployment":"my-first-deployment"`) {
		t.Error("not what it should say")
	}
}

func checkFailover(t *testing.T, text string) {
	var attempts []string
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, " of ") {
			attempts = append(attempts, strings.Join(strings.Fields(line), " "))
		}
	}
	expected := []string{
		"dead of gpt-4 APIConnectionError",
		"live of gpt-4 answered",
		"overloaded of gpt-4-turbo RateLimitError",
		"dead of gpt-4 APIConnectionError",
		"live of gpt-4 answered",
	}
	if !slices.Equal(attempts, expected) || strings.Count(text, "router's own time") != 2 {
		t.Errorf("%q", attempts)
	}
}

func checkStream(t *testing.T, text string) {
	answer, metadata, _ := strings.Cut(text, "\n")
	broken := "Hello, and th … broke: InternalServerError"
	if answer != "Hello, chunk by chunk!" || !strings.Contains(metadata, "from my-first-deployment, the first of it after ") ||
		!strings.Contains(metadata, broken) {
		t.Error("not what it should say")
	}
}

func checkExplain(t *testing.T, text string) {
	expected, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "explain.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`another [0-9.]+ s`).ReplaceAllString(text, "another 60.0 s") != string(expected) {
		t.Errorf("not what it should say:\n%s", expected)
	}
}

func checkTools(t *testing.T, text string) {
	expected, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "tools.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if text != string(expected) {
		t.Errorf("not what it should say:\n%s", expected)
	}
}

func checkCaching(t *testing.T, text string) {
	expected, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "caching.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if text != string(expected) {
		t.Errorf("not what it should say:\n%s", expected)
	}
}

func checkEvents(t *testing.T, text string) {
	expected, err := os.ReadFile(filepath.Join(root(t), "tests", "bindings", "events.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`[0-9.]+ ms`).ReplaceAllString(text, "5.0 ms") != string(expected) {
		t.Errorf("not what it should say:\n%s", expected)
	}
}

func checkMany(t *testing.T, text string) {
	calls := func(name string) int {
		found := regexp.MustCompile(`(?m)^ +` + name + ` +(\d+) `).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no line of %s", name)
		}
		count, _ := strconv.Atoi(found[1])
		return count
	}
	east, west, spare := calls("east"), calls("west"), calls("spare")
	// Five standard deviations of a fair draw with these weights.
	if east+west+spare != 1000 || east < 522 || east > 678 || west < 227 || west > 373 || spare < 52 || spare > 148 {
		t.Errorf("%d, %d, %d", east, west, spare)
	}
	if !strings.Contains(text, " 0 failed;") {
		t.Error("some failed")
	}
}

// A module of its own somewhere else, as a user has it: with the package replaced, and with it vendored.
func TestOutsideModule(t *testing.T) {
	here := filepath.Join(root(t), "bindings", "go")
	main, err := os.ReadFile(filepath.Join(root(t), "examples", "go", "hello", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/llmrouter/llmrouter/bindings/go"
	manifest := "module example.com/mine\n\ngo 1.23.0\n\nrequire " + path + " v0.0.0\n\nreplace " + path + " => " + here + "\n"
	folder := t.TempDir()
	for name, text := range map[string]string{"main.go": string(main), "go.mod": manifest} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for mode, how := range linkModes(t) {
		t.Run(mode, func(t *testing.T) {
			checkHello(t, tool(t, folder, nil, build(t, folder, ".", how.tags, how.shared)))
		})
	}
	t.Run("vendored", func(t *testing.T) {
		tool(t, folder, []string{"GOFLAGS=", "GOWORK=off"}, "go", "mod", "vendor")
		checkHello(t, tool(t, folder, nil, build(t, folder, ".", "", false)))
		if _, err := os.Stat(filepath.Join(folder, "vendor", filepath.FromSlash(path), "include", "llmrouter.h")); err != nil {
			t.Error(err)
		}
	})
}
