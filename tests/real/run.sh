#!/usr/bin/env bash
# The router against two real llama.cpp servers. Needs dist/ (make sdk) and python3 with venv; the first run needs a network for pip.
set -euo pipefail
# shellcheck source=tests/real/servers.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

beside_servers real
