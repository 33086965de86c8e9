#!/usr/bin/env bash
# Shows two real llama.cpp servers behind one model name, and one of them dying under load.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

build demo
start_servers
"$work/demo" "$here/config.yaml"
