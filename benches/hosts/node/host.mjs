// Measures the router from Node beside undici, which of the two the argument says. Speaks the runner's protocol: the
// task in BENCH_... variables, the outcome as one JSON line.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { contenders } from './contenders.mjs';

/** How long the collector gets to finish what the calls have begun: it would pass for the cost of idling. */
const SETTLING_MS = 200;
/** How long the process listens to itself doing nothing, to learn what that costs. */
const IDLE_MS = 200;
/** V8 is still compiling after thousands of calls, and the more JavaScript a client has, the longer. */
const LEAST_WARMUP = 10_000;

/** @param {string} name */
function variable(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the runner starts this`);
  return value;
}

/** Processor time of this process so far, all threads. */
function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** `inFlight` chains of promises, each making one call after the other. */
async function drive(call, inFlight, calls) {
  // One element for each call, so that no measured call pays for growth.
  const latencies = new Float64Array(calls);
  let [given, failed, error] = [0, 0, undefined];
  const chain = async () => {
    while (given < calls) {
      const ticket = given++;
      const start = performance.now();
      try {
        await call();
      } catch (thrown) {
        if (failed++ === 0) error = String(thrown);
      }
      latencies[ticket] = (performance.now() - start) * 1e3;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, chain));
  return { latencies, failed, error };
}

/** Warms up (connections, pools, the compiler), then measures one window of calls. */
async function measure(call, { inFlight, warmup, calls }) {
  await drive(call, inFlight, Math.max(warmup, LEAST_WARMUP));
  const [cpuBefore, start] = [cpuMicros(), performance.now()];
  const { latencies, failed, error } = await drive(call, inFlight, calls);
  const [cpu, wallMs] = [cpuMicros() - cpuBefore, performance.now() - start];

  await sleep(SETTLING_MS);
  const [idleBefore, idleStart] = [cpuMicros(), performance.now()];
  await sleep(IDLE_MS);
  const idling = ((cpuMicros() - idleBefore) * wallMs) / (performance.now() - idleStart);

  const sorted = latencies.sort();
  const percentile = (share) => sorted[Math.round((calls - 1) * share)];
  return {
    calls,
    failed,
    error,
    wall_us: wallMs * 1e3,
    cpu_us: Math.max(cpu - idling, 0),
    p50_us: percentile(0.5),
    p99_us: percentile(0.99),
  };
}

const contender = contenders[process.argv[2]];
if (contender === undefined) throw new Error(`no contender ${process.argv[2]}`);
const task = {
  url: variable('BENCH_URL'),
  config: variable('BENCH_CONFIG'),
  request: readFileSync(variable('BENCH_REQUEST')),
  inFlight: Number(variable('BENCH_IN_FLIGHT')),
  warmup: Number(variable('BENCH_WARMUP')),
  calls: Number(variable('BENCH_CALLS')),
};
const { call, close } = await contender(task);
console.log(JSON.stringify(await measure(call, task)));
await close();
