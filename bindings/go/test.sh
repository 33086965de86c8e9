#!/usr/bin/env bash
# All tests of the Go package: test.sh [dist]. Lint, both ways of linking, the race detector, cgo's pointer checks,
# and the address sanitizer, which knows the memory of C, with its search for leaks.
set -euo pipefail
dist=$(realpath "${1:-$(dirname "$0")/../../dist}")
cd "$(dirname "$0")"
export LLMROUTER_DIST=$dist
export PKG_CONFIG_PATH=$dist/lib/pkgconfig
export LD_LIBRARY_PATH=$dist/lib

# run <what it is> <arguments of go test>
run() {
    echo "go: $1"
    go test -count=1 -timeout 10m "${@:2}" .
}

./stage.sh "$dist"
./lint.sh
run "everything, linked statically"
# How programs are built does not depend on what follows.
builds=(-skip '^(TestExamples|TestOutsideModule)$')
run "linked to the shared library" -tags llmrouter_dynamic "${builds[@]}"
run "race detector" -race "${builds[@]}"
GOEXPERIMENT=cgocheck2 run "pointers that C is given" "${builds[@]}"
# The sanitizer keeps what was freed for a while, so the size of the process says nothing.
run "address sanitizer" -asan -skip '^(TestExamples|TestOutsideModule|TestMemoryDoesNotGrow)$'
