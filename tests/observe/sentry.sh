#!/usr/bin/env bash
# What Sentry is sent, judged by Sentry's own code. Needs dist/ (make sdk) and python3 with venv; the first run needs a network for
# pip. LLMROUTER_LIB names another library.
set -euo pipefail
observe=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$observe/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/sentry-venv

if ! cmp -s "$observe/sentry-requirements.txt" "$venv/made-from"; then
    echo "installing Sentry's own code into ${venv#"$root"/} (once)" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$observe/sentry-requirements.txt"
    cp "$observe/sentry-requirements.txt" "$venv/made-from"
fi
(cd "$root" && cargo build --quiet -p fakeprovider)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/sdk timeout 300 "$venv/bin/python" "$observe/sentry.py" "$target/debug/fakeprovider"
