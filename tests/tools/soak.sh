#!/usr/bin/env bash
# Streams at scale, all of them from ten minutes on; then the C programs again and again: soak.sh <minutes>. Ends at the
# first failure.
set -euo pipefail

share=$(($1 < 10 ? $1 * 10 : 100))
echo "streams at scale, $share percent"
tests/scale/run.sh "$share"

end=$((SECONDS + $1 * 60))
round=0
while ((SECONDS < end)); do
    round=$((round + 1))
    echo "round $round, $(((end - SECONDS + 59) / 60)) min left"
    cargo test --quiet --test abi
done
echo "$round rounds without a failure"
