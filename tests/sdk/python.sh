# shellcheck shell=bash
# Sourced: a Python environment with the vendors' types, made once for each state of requirements.txt.

sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$sdk/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
sdk_python=$target/sdk-venv/bin/python

make_sdk_python() {
    local made=$target/sdk-venv/made-from
    if cmp -s "$sdk/requirements.txt" "$made"; then
        return
    fi
    echo "installing the vendors' types into ${target#"$root"/}/sdk-venv (once)" >&2
    rm -rf "$target/sdk-venv"
    python3 -m venv "$target/sdk-venv"
    "$sdk_python" -m pip install --quiet --disable-pip-version-check -r "$sdk/requirements.txt"
    cp "$sdk/requirements.txt" "$made"
}
