#!/usr/bin/env bash
# Shows two real llama.cpp servers behind one model name, and one of them dying under load.
set -euo pipefail
# shellcheck source=tests/real/servers.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

beside_servers demo
