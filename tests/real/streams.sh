#!/usr/bin/env bash
# Streams of real llama.cpp servers, four of which are killed. Needs what run.sh needs.
set -euo pipefail
# shellcheck source=tests/real/servers.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

build streams
start_servers
for name in C D E; do start "$name"; done
timeout 60 "$work/streams" "$here/streams.yaml"
