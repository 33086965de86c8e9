#!/usr/bin/env bash
# Streams at scale from C, Go and Node: run.sh [percent]. At 100, 10,000 streams of 4 chunks a second, 1,000 of 20, and
# 100,000 that are left at random points; 10 is a tenth of each. Needs what `make bindings` makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

percent=${1:-10}
dist=$(realpath "${DIST:-dist}")
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/scale
many=$((10000 * percent / 100)) few=$((1000 * percent / 100)) left=$((100000 * percent / 100))
# How long the streams are: long enough for all to be open at once on a busy machine, too.
four=$((5 + 40 * percent / 100)) twenty=$((5 + 15 * percent / 100))

descriptors=$(ulimit -Hn)
if [[ $descriptors != unlimited ]] && ((descriptors < many + 500)); then
    echo "$many streams need as many descriptors, and 500 more; the hard limit is $descriptors" >&2
    exit 1
fi

mkdir -p "$work"
cargo build --quiet --release -p fakeprovider
read -ra flags <<<"$(PKG_CONFIG_PATH=$dist/lib/pkgconfig pkg-config --cflags --libs llmrouter)"
for program in streams aborts; do
    "${CC:-cc}" -std=gnu11 -O1 -g -Wall -Wextra -Werror "tests/scale/$program.c" "${flags[@]}" \
        -Wl,-rpath,"$dist/lib" -pthread -o "$work/$program"
done
(cd tests/scale/go && go vet . && go build -o "$work/go" .)

node tests/scale/script.mjs "$four" "$twenty" >"$work/script.json"
coproc provider { exec "$target/release/fakeprovider" --no-log --threads 1 --script "$work/script.json"; }
provider_pid=$!
trap 'kill "$provider_pid" 2>/dev/null || true' EXIT
read -r _ url <&"${provider[0]}"

streams() { # <path> <streams> <chunks of each>
    "$work/streams" "$url" "$@"
    "$work/go" streams "$url" "$@"
    node --expose-gc tests/scale/streams.mjs "$url" "$@"
}
streams /four/v1 "$many" $((four * 4))
streams /twenty/v1 "$few" $((twenty * 20))
"$work/streams" "$url" /twenty/v1 "$few" $((twenty * 20)) unread
"$work/aborts" "$url" $((left * 3 / 5))
"$work/go" aborts "$url" $((left / 5))
node --expose-gc tests/scale/aborts.mjs "$url" $((left / 5))
