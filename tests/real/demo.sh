#!/usr/bin/env bash
# Shows two real llama.cpp servers behind one model name, and one of them dying under load.
set -euo pipefail
# shellcheck source=servers.sh disable=SC1091,SC2154 # here and work are its
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

build demo
start_servers
"$work/demo" "$here/config.yaml"
