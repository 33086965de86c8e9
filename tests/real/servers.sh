# shellcheck shell=bash
# Sourced by run.sh and demo.sh: two llama.cpp servers with a model of their own, and a C program beside them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/real
target=${CARGO_TARGET_DIR:-$root/target}
python=$target/real-venv/bin/python
work=$(mktemp -d)
pids=()

say() { echo "$*" >&2; }

# However this ends: the servers end too, by their own numbers.
cleanup() {
    if [ ${#pids[@]} -gt 0 ]; then
        kill "${pids[@]}" 2>/dev/null || true
        kill -CONT "${pids[@]}" 2>/dev/null || true # one that is stopped hears nothing
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The Python environment, made once for each state of requirements.txt.
make_python() {
    local made=$target/real-venv/made-from
    if cmp -s "$here/requirements.txt" "$made"; then
        return
    fi
    say "installing llama.cpp's server into ${target#"$root"/}/real-venv (once)"
    rm -rf "$target/real-venv"
    python3 -m venv "$target/real-venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$made"
}

# start NAME: exports SERVER_NAME, its api_base, and PID_NAME.
start() {
    local log=$work/$1.log pid address
    : >"$log"
    "$python" "$here/server.py" "$work/tiny.gguf" >"$log" 2>&1 &
    pid=$!
    pids+=("$pid")
    disown "$pid" # or the shell reports its death, which is what is tested
    for _ in $(seq 150); do
        address=$(sed -n 's/^listening //p' "$log")
        if [ -n "$address" ]; then
            export "SERVER_$1=$address/v1" "PID_$1=$pid"
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    say "server $1 did not start:"
    cat "$log" >&2
    return 1
}

start_servers() {
    make_python
    "$python" "$here/model.py" "$work/tiny.gguf" >"$work/model.log" 2>&1 || { cat "$work/model.log" >&2; return 1; }
    start A
    start B
}

# build NAME: compiles NAME.c as a user would, from the staged kit alone.
build() {
    local kit=${DIST:-$root/dist} flags
    [ -e "$kit/lib/libllmrouter.so" ] || { say "there is no library in $kit: run \`make sdk\`"; return 1; }
    flags=$(PKG_CONFIG_PATH=$kit/lib/pkgconfig pkg-config --cflags --libs llmrouter)
    # shellcheck disable=SC2086 # several words on purpose
    "${CC:-cc}" -std=gnu11 -O1 -g -Wall -Wextra -Werror -o "$work/$1" \
        "$here/$1.c" "$here/client.c" "$here/json.c" $flags -Wl,-rpath,"$kit/lib" -pthread
}

# beside_servers NAME: runs NAME.c while both servers are up.
beside_servers() {
    build "$1"
    start_servers
    "$work/$1" "$here/config.yaml"
}
