#!/usr/bin/env bash
# Formatting and vet of the Go package and its examples, for both ways of linking; warnings are errors. Needs what
# stage.sh stages, and dist/ or another installation that pkg-config finds.
set -euo pipefail
cd "$(dirname "$0")"
export PKG_CONFIG_PATH=${PKG_CONFIG_PATH:-$(realpath ../../dist)/lib/pkgconfig}

unformatted=$(gofmt -l . ../../examples/go)
if [[ -n $unformatted ]]; then
    printf 'not formatted by gofmt:\n%s\n' "$unformatted" >&2
    exit 1
fi
go vet ./...
go vet -tags llmrouter_dynamic ./...
(cd ../../examples/go && go vet ./...)
