#!/usr/bin/env bash
# Two real servers in one group, one by OpenAI's wire and one by Anthropic's; one is killed under load from C++, Go and
# Node, and no call fails. Needs what run.sh needs, and the bindings (make bindings).
set -euo pipefail
# shellcheck source=tests/real/servers.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

kit=${DIST:-$root/dist}
read -ra flags <<<"$(PKG_CONFIG_PATH=$kit/lib/pkgconfig pkg-config --cflags --libs llmrouter)"
"${CXX:-c++}" -std=c++17 -O1 -Wall -Wextra -Werror "$here/load/load.cpp" "${flags[@]}" -Wl,-rpath,"$kit/lib" -pthread \
    -o "$work/load-cpp"
(cd "$here/load/go" && go vet . && go build -o "$work/load-go" .)

for program in "$work/load-cpp" "$work/load-go" "node $here/load/load.mjs"; do
    start_servers
    # shellcheck disable=SC2086 # a command and its argument
    timeout 60 $program "$here/mixed.yaml"
    kill "${pids[@]}" 2>/dev/null || true
    pids=()
done
