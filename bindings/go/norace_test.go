//go:build !race

package llmrouter_test

const raceDetector = false
