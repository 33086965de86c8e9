#!/usr/bin/env bash
# What the library sends and answers, judged by the vendors' own types. Needs dist/ (make sdk) and python3 with venv; the first run
# needs a network for pip. LLMROUTER_LIB names another library.
set -euo pipefail
# shellcheck source=tests/sdk/python.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

make_sdk_python
(cd "$root" && cargo build --quiet -p fakeprovider)
PYTHONDONTWRITEBYTECODE=1 timeout 300 "$sdk_python" "$sdk/check.py" "$target/debug/fakeprovider"
PYTHONDONTWRITEBYTECODE=1 timeout 300 "$sdk_python" "$sdk/verbs.py" "$target/debug/fakeprovider"
PYTHONDONTWRITEBYTECODE=1 timeout 60 "$sdk_python" "$sdk/metrics.py"
