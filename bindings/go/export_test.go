package llmrouter

// What the tests need from inside.

var (
	Compare   = compare
	ClassName = className
	ReadChunk = readChunk
)

func NewError(code int, name string, retryAfterMS int64, json string) *Error {
	return newError(&failure{code: code, name: name, retryAfterMS: retryAfterMS, json: []byte(json)})
}
