#!/usr/bin/env bash
# Copies header and static archive to where cgo finds them: stage.sh <dist>.
# Each file is written beside its place and renamed into it, and left alone if it is the same.
set -euo pipefail

dist=$1
here=$(cd "$(dirname "$0")" && pwd)
platform=$(go env GOOS)_$(go env GOARCH)

# put <source> <place>
put() {
    cmp -s "$1" "$here/$2" && return
    mkdir -p "$(dirname "$here/$2")"
    cp "$1" "$here/$2.new.$$"
    chmod 644 "$here/$2.new.$$"
    mv -f "$here/$2.new.$$" "$here/$2"
}

put "$dist/include/llmrouter.h" include/llmrouter.h
put "$dist/lib/libllmrouter.a" "lib/$platform/libllmrouter.a"

# Go's build cache does not look into archives, only at the files of a package's own folder: this is one of them,
# and it changes with the archive.
staged=$(mktemp)
trap 'rm -f "$staged"' EXIT
(cd "$here" && sha256sum include/llmrouter.h lib/*/libllmrouter.a | sed 's|^|// |') >"$staged"
put "$staged" staged.h

echo "the Go package uses what is in $dist"
