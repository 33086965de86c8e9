#!/usr/bin/env bash
# Stages what users install: stage.sh <folder with cargo's artefacts> <dist>.
# Each file is written beside its place and renamed into it, and left alone if it is the same:
# a program that runs on the staged library keeps running, and a second run costs nothing.
set -euo pipefail

built=$1
dist=$2
root=$(cd "$(dirname "$0")/../.." && pwd)

version=$(sed -n '/^\[package\]/,/^\[/ s/^version *= *"\(.*\)"/\1/p' "$root/Cargo.toml")
abi_major=$(sed -n 's/^const ABI_MAJOR: u32 = \([0-9]*\);/\1/p' "$root/build.rs")
if [[ -z $version || -z $abi_major ]]; then
    echo "stage.sh: no version in Cargo.toml or no ABI_MAJOR in build.rs" >&2
    exit 1
fi

# put <source> <place>
put() {
    local place=$dist/$2
    cmp -s "$1" "$place" && return
    mkdir -p "$(dirname "$place")"
    cp "$1" "$place.new.$$"
    chmod 644 "$place.new.$$"
    mv -f "$place.new.$$" "$place"
}

# fill <template> <place>: a template with its @NAMES@ replaced
fill() {
    local text
    text=$(mktemp)
    sed -e "s/@VERSION@/$version/g" -e "s/@ABI_MAJOR@/$abi_major/g" "$1" >"$text"
    put "$text" "$2"
    rm -f "$text"
}

# link <target> <place>
link() {
    local place=$dist/$2
    [[ $(readlink "$place" || true) == "$1" ]] && return
    ln -s "$1" "$place.new.$$"
    mv -Tf "$place.new.$$" "$place"
}

put "$root/include/llmrouter.h" include/llmrouter.h
for header in llmrouter.hpp $(cd "$root/bindings/cpp/include" && echo llmrouter/*.hpp); do
    put "$root/bindings/cpp/include/$header" "include/$header"
done
put "$built/libllmrouter.a" lib/libllmrouter.a
put "$built/libllmrouter.so" "lib/libllmrouter.so.$version"
link "libllmrouter.so.$version" "lib/libllmrouter.so.$abi_major"
link "libllmrouter.so.$abi_major" lib/libllmrouter.so
fill "$root/bindings/c/llmrouter.pc.in" lib/pkgconfig/llmrouter.pc
fill "$root/bindings/c/llmrouterConfig.cmake.in" lib/cmake/llmrouter/llmrouterConfig.cmake
fill "$root/bindings/c/llmrouterConfigVersion.cmake.in" lib/cmake/llmrouter/llmrouterConfigVersion.cmake
put "$root/LICENSE" share/doc/llmrouter/LICENSE
put "$root/THIRD_PARTY.md" share/doc/llmrouter/THIRD_PARTY.md

# Libraries of earlier versions would be found by nobody but a wildcard.
for old in "$dist"/lib/libllmrouter.so.*.*.*; do
    [[ $old == "$dist/lib/libllmrouter.so.$version" ]] || rm -f "$old"
done

echo "llmrouter $version is in $dist"
