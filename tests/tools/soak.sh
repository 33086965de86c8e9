#!/usr/bin/env bash
# Streams at scale, a cache of millions of keys and a fleet at saturation, all of it from ten minutes on; then the C programs again
# and again: soak.sh <minutes>. Ends at the first failure.
set -euo pipefail

share=$(($1 < 10 ? $1 * 10 : 100))
echo "streams at scale, $share percent"
tests/scale/run.sh "$share"

keys=a_million_keys
if ((share == 100)); then
    keys=ten_million_keys
    echo "eight processes with 1,000 callers each"
    FLEET_CALLERS=1000 cargo test --quiet -p fleet --test processes limits -- --nocapture
fi
echo "a cache of many keys: $keys"
cargo test --quiet --lib "$keys" -- --ignored --nocapture

end=$((SECONDS + $1 * 60))
round=0
while ((SECONDS < end)); do
    round=$((round + 1))
    echo "round $round, $(((end - SECONDS + 59) / 60)) min left"
    cargo test --quiet --test abi
done
echo "$round rounds without a failure"
