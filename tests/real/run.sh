#!/usr/bin/env bash
# The router against two real llama.cpp servers. Needs dist/ (make sdk) and python3 with venv; the first run needs a network for pip.
set -euo pipefail
# shellcheck source=servers.sh disable=SC1091,SC2154 # here and work are its
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

build real
start_servers
"$work/real" "$here/config.yaml"
