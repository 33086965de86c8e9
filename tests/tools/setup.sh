#!/usr/bin/env bash
# Installs the system packages that the build, the tests and the benchmark need, if any is missing.
set -euo pipefail

packages=(gcc g++ make pkg-config cmake python3 python3-venv valgrind binutils shellcheck curl libcurl4-openssl-dev nlohmann-json3-dev
    redis-server redis-sentinel redis-tools prometheus)

# Debian's own are too old for the Go and Node packages, so these are the reader's to install.
go version 2>/dev/null | grep -qE 'go1\.(2[3-9]|[3-9][0-9])' || { echo "Go 1.23 or newer is missing" >&2; exit 1; }
node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null ||
    { echo "Node 20 or newer is missing" >&2; exit 1; }

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done

if ((${#missing[@]} == 0)); then
    echo "system packages: all there"
elif [[ $(id -u) != 0 ]]; then
    echo "missing system packages: ${missing[*]}" >&2
    echo "run as root: apt-get install ${missing[*]}" >&2
    exit 1
else
    echo "installing: ${missing[*]}"
    # No package starts a server of its own.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
