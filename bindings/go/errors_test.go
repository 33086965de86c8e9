package llmrouter_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	llmrouter "github.com/llmrouter/llmrouter/bindings/go"
)

// classes are the classes of the package by their names in the header.
var classes = map[string]error{
	"INVALID_ARGUMENT":         llmrouter.ErrInvalidArgument,
	"CONFIG":                   llmrouter.ErrConfig,
	"CANCELLED":                llmrouter.ErrCancelled,
	"SHUT_DOWN":                llmrouter.ErrShutDown,
	"FORKED":                   llmrouter.ErrForked,
	"INTERNAL":                 llmrouter.ErrInternal,
	"IN_CALLBACK":              llmrouter.ErrInCallback,
	"BUSY":                     llmrouter.ErrBusy,
	"BAD_REQUEST":              llmrouter.ErrBadRequest,
	"AUTHENTICATION":           llmrouter.ErrAuthentication,
	"PERMISSION_DENIED":        llmrouter.ErrPermissionDenied,
	"NOT_FOUND":                llmrouter.ErrNotFound,
	"TIMEOUT":                  llmrouter.ErrTimeout,
	"UNPROCESSABLE_ENTITY":     llmrouter.ErrUnprocessableEntity,
	"RATE_LIMIT":               llmrouter.ErrRateLimit,
	"INTERNAL_SERVER":          llmrouter.ErrInternalServer,
	"BAD_GATEWAY":              llmrouter.ErrBadGateway,
	"SERVICE_UNAVAILABLE":      llmrouter.ErrServiceUnavailable,
	"API_CONNECTION":           llmrouter.ErrAPIConnection,
	"API_RESPONSE":             llmrouter.ErrAPIResponse,
	"STREAM_TRUNCATED":         llmrouter.ErrStreamTruncated,
	"CONTEXT_WINDOW_EXCEEDED":  llmrouter.ErrContextWindowExceeded,
	"CONTENT_POLICY_VIOLATION": llmrouter.ErrContentPolicyViolation,
	"NO_DEPLOYMENT_AVAILABLE":  llmrouter.ErrNoDeploymentAvailable,
	"BUDGET_EXCEEDED":          llmrouter.ErrBudgetExceeded,
}

// Every code of the header has a class here, with the name that the library gives it.
func TestClassesAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile(filepath.Join(dist(t), "include", "llmrouter.h"))
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^ +ROUTER_ERROR_(\w+) = (\d+),$`).FindAllStringSubmatch(string(header), -1)
	if len(codes) != len(classes) {
		t.Errorf("the header has %d codes, the package %d classes", len(codes), len(classes))
	}
	for _, row := range codes {
		code, err := strconv.Atoi(row[2])
		if err != nil {
			t.Fatal(err)
		}
		class, ok := classes[row[1]]
		if !ok {
			t.Errorf("ROUTER_ERROR_%s has no class", row[1])
		} else if name := llmrouter.ClassName(code); class.Error() != "llmrouter: "+name {
			t.Errorf("%v is %q in the library", class, name)
		}
	}
}

// checkError compares an error with the members that the table expects of it.
func checkError(t *testing.T, err error, expected map[string]any) {
	t.Helper()
	var failed *llmrouter.Error
	if !errors.As(err, &failed) {
		t.Fatalf("the error is %v", err)
	}
	got := map[string]any{
		"code":          float64(failed.Code),
		"class":         failed.Class,
		"status":        float64(failed.Status),
		"retryable":     failed.Retryable,
		"provider":      failed.Provider,
		"deployment":    failed.Deployment,
		"param":         failed.Param,
		"provider_code": failed.ProviderCode,
		"attempts":      float64(len(failed.Attempts)),
	}
	for name, value := range expected {
		switch name {
		case "retry_after_ms":
			checkWait(t, failed.RetryAfter, value)
		case "message_contains":
			if !strings.Contains(failed.Message, value.(string)) {
				t.Errorf("the message is %q", failed.Message)
			}
		case "message_excludes":
			if strings.Contains(failed.Message, value.(string)) || strings.Contains(string(failed.Raw), value.(string)) {
				t.Errorf("the message is %q, the object %s", failed.Message, failed.Raw)
			}
		default:
			if got[name] != value {
				t.Errorf("%s is %v, not %v, in %s", name, got[name], value, failed.Raw)
			}
		}
	}
	if class := expected["class"].(string); !strings.Contains(failed.Error(), class) {
		t.Errorf("%v does not name its class", failed)
	}
	checkClasses(t, failed, expected["class"].(string))
}

// checkClasses wants the error to be of the one class and of no other; a narrower one that the package does not name, to
// be a bad request.
func checkClasses(t *testing.T, failed *llmrouter.Error, name string) {
	t.Helper()
	if name == "UnsupportedParamsError" {
		name = "BadRequestError"
	}
	matches := 0
	for _, class := range append(values(classes), llmrouter.ErrAPI) {
		if errors.Is(failed, class) {
			matches++
			if class.Error() != "llmrouter: "+name {
				t.Errorf("%v is %v", failed, class)
			}
		}
	}
	if matches != 1 {
		t.Errorf("%v is of %d classes", failed, matches)
	}
}

func checkWait(t *testing.T, wait time.Duration, expected any) {
	t.Helper()
	got := float64(wait.Milliseconds())
	low, exact := expected.(float64)
	high := low
	if !exact {
		bounds := expected.(map[string]any)
		low, high = bounds["min"].(float64), bounds["max"].(float64)
	}
	if got < low || got > high {
		t.Errorf("retry after %v, expected %v to %v ms", wait, low, high)
	}
}

func values[K comparable, V any](of map[K]V) []V {
	var all []V
	for _, value := range of {
		all = append(all, value)
	}
	return all
}

// A narrower class than the package names still belongs to the class of its code.
func TestNarrowerClass(t *testing.T) {
	failed := llmrouter.NewError(400, "BadRequestError", -1,
		`{"error": {"type": "UnsupportedParamsError", "message": "m", "status": 400}}`)
	if failed.Class != "UnsupportedParamsError" || !errors.Is(failed, llmrouter.ErrBadRequest) {
		t.Errorf("%+v", failed)
	}
	if failed.RetryAfter >= 0 {
		t.Errorf("an unknown wait is %v", failed.RetryAfter)
	}
}
