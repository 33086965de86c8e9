#!/usr/bin/env bash
# What the library sends to OpenTelemetry and to Langfuse, judged by the vendors' own classes. Needs dist/ (make sdk) and python3 with
# venv; the first run needs a network for pip. LLMROUTER_LIB names another library.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/otlp-venv

if ! cmp -s "$here/otlp_requirements.txt" "$venv/made-from"; then
    echo "installing the vendors' types into ${venv#"$root"/} (once)" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/otlp_requirements.txt"
    cp "$here/otlp_requirements.txt" "$venv/made-from"
fi
(cd "$root" && cargo build --quiet -p fakeprovider)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$root/tests/sdk" timeout 300 "$venv/bin/python" "$here/otlp_check.py" "$target/debug/fakeprovider"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$root/tests/sdk" timeout 300 "$venv/bin/python" "$here/langfuse_check.py" "$target/debug/fakeprovider"
