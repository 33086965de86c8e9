#!/usr/bin/env bash
# Anthropic's wire against a server that is not ours: llama.cpp's /v1/messages. Needs what tests/real/run.sh and run.sh need.
set -euo pipefail
# shellcheck source=tests/real/servers.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/../real/servers.sh"
# shellcheck source=tests/sdk/python.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

make_sdk_python
make_python
"$python" "$root/tests/real/model.py" "$work/tiny.gguf" >"$work/model.log" 2>&1 || { cat "$work/model.log" >&2; exit 1; }
start A
PYTHONDONTWRITEBYTECODE=1 timeout 120 "$sdk_python" "$sdk/real.py" "${SERVER_A:?}"
