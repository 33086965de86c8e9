#!/usr/bin/env bash
# All tests of the C++ binding: run.sh [dist]. Uses what is staged there, and the fake provider.
# One line for each test; ends with an error if any failed.
# shellcheck disable=SC2016 # `$1` in single quotes is for the inner shell
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

dist=$(realpath "${1:-${LLMROUTER_DIST:-dist}}")
provider=${LLMROUTER_FAKEPROVIDER:-${CARGO_TARGET_DIR:-target}/debug/fakeprovider}
need() {
    [[ -e $1 ]] || { echo "tests/cpp: $1 is missing: $2" >&2; exit 1; }
}
need "$dist/lib/libllmrouter.so" "run make sdk first"
need "$dist/include/llmrouter.hpp" "run make sdk first"
need "$provider" "run cargo build -p fakeprovider"
need /usr/include/nlohmann/json.hpp "run make setup (nlohmann-json3-dev)"
LLMROUTER_FAKEPROVIDER=$(realpath "$provider")
export LLMROUTER_FAKEPROVIDER
export LD_LIBRARY_PATH=$dist/lib
export PKG_CONFIG_PATH=$dist/lib/pkgconfig
# The library is not instrumented: what it does within itself can't be judged. halt: a report is a failure.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1
export ASAN_OPTIONS=detect_leaks=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
read -ra flags <<<"$(pkg-config --cflags --libs llmrouter)"
strict=(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion)
asan=("-fsanitize=address,undefined" -fno-sanitize-recover=all)

failed=0
# report <name> <log> <status>
report() {
    if (($3 == 0)); then
        echo "ok    $1"
    else
        echo "FAIL  $1"
        # In this order: a reader that leaves early would end this script.
        head -n 60 "$2" | cut -c1-300
        failed=$((failed + 1))
    fi
}

# check <name> <command...>: a test that is one command
check() {
    local name=$1 status=0
    shift
    "$@" >"$work/log" 2>&1 || status=$?
    report "$name" "$work/log" "$status"
}

# program <source> <standard> <flags...>: builds it in the background; program_run tells how it went
jobs=()
program() {
    local name=$1-$2-$3
    local source=tests/cpp/$1.cpp standard=$2
    shift 3
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || true; done
    {
        g++ "-std=c++$standard" "${strict[@]}" -g1 "$@" "$source" "${flags[@]}" -pthread -o "$work/$name" \
            >"$work/$name.build" 2>&1 || true
    } &
    jobs+=("$name")
}

program_run() {
    local name=$1 status=0
    if [[ ! -x $work/$name ]]; then
        report "$name is built" "$work/$name.build" 1
        return
    fi
    "$work/$name" >"$work/$name.log" 2>&1 || status=$?
    grep -E '^    (ok|note)' "$work/$name.log" || true
    grep -vE '^    (ok|note)' "$work/$name.log" >"$work/$name.bad" || true
    report "$name" "$work/$name.bad" "$status"
}

for standard in 17 23; do program cases "$standard" asan "${asan[@]}"; done
for standard in 17 23; do program verbs "$standard" asan "${asan[@]}"; done
program stream_cases 17 asan "${asan[@]}"
program requests 17 asan "${asan[@]}"
program snapshot 17 asan "${asan[@]}"
program lifecycle 17 asan "${asan[@]}"
program lifecycle 23 asan "${asan[@]}"
for standard in 17 23; do program reload "$standard" asan "${asan[@]}"; done
program reload 20 tsan -fsanitize=thread
for standard in 17 23; do program events "$standard" asan "${asan[@]}"; done
program events 20 tsan -fsanitize=thread
program streams 17 asan "${asan[@]}"
program streams 20 tsan -fsanitize=thread
for standard in 17 23; do program async_streams "$standard" asan "${asan[@]}"; done
program async_streams 20 tsan -fsanitize=thread
for standard in 17 23; do program accumulate "$standard" asan "${asan[@]}"; done
program coroutine 23 asan "${asan[@]}"
program coroutine 20 tsan -fsanitize=thread
program concurrency 17 asan "${asan[@]}"
program concurrency 20 tsan -fsanitize=thread
wait
for name in "${jobs[@]}"; do program_run "$name"; done

# Sanitizers that are asleep would let anything pass.
g++ -std=c++17 tests/cpp/canary.cpp "${asan[@]}" -pthread -o "$work/canary-asan"
g++ -std=c++17 tests/cpp/canary.cpp -fsanitize=thread -pthread -o "$work/canary-tsan"
check "canary: no fault, no report" bash -c '"$1" && "$2"' - "$work/canary-asan" "$work/canary-tsan"
check "canary: a leak is reported" bash -c '! "$1" leak' - "$work/canary-asan"
check "canary: an overflow is reported" bash -c '! "$1" overflow' - "$work/canary-asan"
check "canary: a race is reported" bash -c '! "$1" race' - "$work/canary-tsan"

# Every header stands alone, under every standard, with nothing else included.
for header in "$dist"/include/llmrouter.hpp "$dist"/include/llmrouter/*.hpp; do
    include=${header#"$dist/include/"}
    for standard in 17 20 23; do
        echo "#include <$include>" >"$work/alone.cpp"
        check "$include stands alone as C++$standard" \
            g++ "-std=c++$standard" "${strict[@]}" -fsyntax-only "-I$dist/include" "$work/alone.cpp"
    done
done

# Nor must any name of the standard library stand in its way.
for standard in 17 20 23; do
    printf '#include <%s>\n' bits/stdc++.h llmrouter.hpp >"$work/beside.cpp"
    check "llmrouter.hpp behind the whole standard library as C++$standard" \
        g++ "-std=c++$standard" "${strict[@]}" -fsyntax-only "-I$dist/include" "$work/beside.cpp"
done

two_standards() {
    g++ -std=c++17 "${strict[@]}" -c tests/cpp/standards.cpp "-I$dist/include" -o "$work/main.o"
    g++ -std=c++23 "${strict[@]}" -DUNIT_OTHER -c tests/cpp/standards.cpp "-I$dist/include" -o "$work/other.o"
    g++ "$work/main.o" "$work/other.o" "${flags[@]}" -pthread -o "$work/standards"
    [[ $("$work/standards") == one ]]
}
check "units of C++17 and C++23 in one program" two_standards

# example <name> <arguments...>: as its comment says to build it
example() {
    local name=$1
    shift
    g++ -std=c++17 "${strict[@]}" "examples/cpp/$name.cpp" "${flags[@]}" -pthread -o "$work/$name" || return 1
    "$work/$name" "$@" | tee "$work/$name.out"
}
hello() {
    example hello || return 1
    [[ $(head -n 1 "$work/hello.out") == "Hello from a deployment!" ]] &&
        grep -q '"deployment":"my-first-deployment"' "$work/hello.out"
}
failover() {
    example failover examples/config/failover.yaml || return 1
    diff <(grep ' of ' "$work/failover.out" | awk '{print $1, $3, $4}') - <<'ATTEMPTS' || return 1
dead gpt-4 APIConnectionError
live gpt-4 answered
overloaded gpt-4-turbo RateLimitError
dead gpt-4 APIConnectionError
live gpt-4 answered
ATTEMPTS
    [[ $(grep -c "router's own time: 0\.[0-9]* ms" "$work/failover.out") == 2 ]]
}
many() {
    example many examples/config/many.yaml || return 1
    # Five standard deviations of a fair draw with weights 6 : 3 : 1.
    awk '$1 == "east" {e = $2} $1 == "west" {w = $2} $1 == "spare" {s = $2} / 0 failed;/ {good = 1}
         END {exit !(good && e + w + s == 1000 && e >= 522 && e <= 678 && w >= 227 && w <= 373 && s >= 52 && s <= 148)}' \
        "$work/many.out"
}
explain() {
    example explain examples/config/explain.yaml || return 1
    diff <(sed 's/another [0-9.]* s/another 60.0 s/' "$work/explain.out") tests/bindings/explain.txt
}
stream() {
    example stream examples/config/stream.yaml || return 1
    diff "$work/stream.out" - <<'TEXT'
This answer came in pieces, one after the other.
17 chunks; 10 prompt tokens, 20 completion tokens
TEXT
}
tools() {
    example tools examples/config/tools.yaml || return 1
    diff "$work/tools.out" tests/bindings/tools.txt
}
caching() {
    example caching examples/config/caching.yaml || return 1
    diff "$work/caching.out" tests/bindings/caching.txt
}
events() {
    example events examples/config/events.yaml || return 1
    diff <(sed 's/[0-9.]* ms$/5.0 ms/' "$work/events.out") tests/bindings/events.txt
}
status() {
    example status examples/config/status.yaml --once || return 1
    grep -q '^llmrouter .* 60 calls, 0 failed, \$0\.0[0-9]* spent$' "$work/status.out" &&
        grep -qE '^  east +healthy +0 ' "$work/status.out" &&
        grep -qE '^  north +cooling [0-9]+ s +ServiceUnavailableError +0 +failing ' "$work/status.out" &&
        grep -qE '  WARN  overloaded of gpt-4-turbo: RateLimitError' "$work/status.out" &&
        grep -qE '  INFO  gpt-4-turbo was answered by (east|west) of gpt-4' "$work/status.out" &&
        ! grep -q $'\x1b' "$work/status.out"
}
check "example hello" hello
check "example failover" failover
check "example many" many
check "example explain" explain
check "example stream" stream
check "example tools" tools
check "example caching" caching
check "example events" events
check "example status" status

other_abi() {
    g++ -std=c++17 -shared -fPIC tests/cpp/old_abi.cpp -o "$work/old_abi.so" || return 1
    local status=0
    LD_PRELOAD=$work/old_abi.so "$work/hello" >"$work/old_abi.out" 2>&1 || status=$?
    cat "$work/old_abi.out"
    [[ $status == 1 ]] && grep -q 'has 2\.0' "$work/old_abi.out"
}
check "a library of another ABI is refused" other_abi

# cmake_project <name> <options...>: all three targets build and run, without any library path
cmake_project() {
    local name=$1 target
    shift
    cmake -S tests/cpp/cmake -B "$work/$name" "-DHELLO=$root/examples/cpp/hello.cpp" "$@" || return 1
    cmake --build "$work/$name" || return 1
    for target in cpp llmrouter static; do
        [[ $(env -u LD_LIBRARY_PATH "$work/$name/with_$target" | head -n 1) == "Hello from a deployment!" ]] || return 1
    done
    readelf -d "$work/$name/with_cpp" | grep -q 'libllmrouter.so.1' &&
        ! readelf -d "$work/$name/with_static" | grep -q 'libllmrouter.so'
}
check "CMake: find_package" cmake_project installed "-DCMAKE_PREFIX_PATH=$dist"
# The profile and folder of the other tests' builds, so that little is built twice.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
check "CMake: add_subdirectory" cmake_project part "-DSUBPROJECT=$root/bindings/cpp" -DLLMROUTER_CARGO_PROFILE=dev

((failed == 0)) || { echo "tests/cpp: $failed failed" >&2; exit 1; }
echo "tests/cpp: all passed"
