#!/usr/bin/env bash
# Runs the C programs again and again: soak.sh <minutes>. Ends at the first failure.
set -euo pipefail

end=$((SECONDS + $1 * 60))
round=0
while ((SECONDS < end)); do
    round=$((round + 1))
    echo "round $round, $(((end - SECONDS + 59) / 60)) min left"
    cargo test --quiet --test abi
done
echo "$round rounds without a failure"
