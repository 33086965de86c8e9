#!/usr/bin/env bash
# Routing at work, told in a page: builds the C examples against dist/ and runs them. No key, no network.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT

export PKG_CONFIG_PATH=$PWD/dist/lib/pkgconfig
export LD_LIBRARY_PATH=$PWD/dist/lib

# run <example> [arguments]
run() {
    local example=$1
    shift
    # shellcheck disable=SC2046 # pkg-config's answer is a list of flags
    cc "examples/c/$example.c" $(pkg-config --cflags --libs llmrouter) -pthread -o "$programs/$example"
    "$programs/$example" "$@"
}

title() {
    printf '\n%s\n' "$1"
}

title "1. One call: the answer, and what the router adds (examples/c/hello.c)"
run hello | sed -e 's/,"attempts"/,\n "attempts"/' -e 's/,"fallbacks"/,\n "fallbacks"/' -e 's/,"latency_ms"/,\n "latency_ms"/' | sed 's/^/    /'

title "2. Deployments that fail (examples/c/failover.c)"
run failover examples/config/failover.yaml | sed 's/^/  /'

title "3. Load that spreads 6 : 3 : 1 (examples/c/many.c)"
run many examples/config/many.yaml | sed 's/^/  /'

title "4. What would happen, before it does and after a refused key (examples/c/explain.c)"
run explain examples/config/explain.yaml | sed 's/^/  /'

title "5. A model calls a function (examples/c/tools.c)"
run tools examples/config/tools.yaml | sed 's/^/  /'

title "6. The same failover in C++, Go and Node (examples/cpp, examples/go, examples/node)"
# shellcheck disable=SC2046 # pkg-config's answer is a list of flags
c++ -std=c++17 examples/cpp/failover.cpp $(pkg-config --cflags --libs llmrouter) -pthread -o "$programs/failover-cpp"
(cd examples/go && go build -o "$programs/failover-go" ./failover)
if [[ ! -e examples/node/node_modules/llmrouter ]]; then
    (cd examples/node && npm install --no-audit --no-fund --no-package-lock --silent)
fi
for language in cpp go node; do
    case $language in
        node) run=(node examples/node/failover.mjs) ;;
        *) run=("$programs/failover-$language") ;;
    esac
    printf '  %s\n' "$language"
    "${run[@]}" examples/config/failover.yaml | sed 's/^/    /'
done

title "7. Real model servers"
tests/real/demo.sh | sed 's/^/    /'

