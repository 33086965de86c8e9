// What the system and the fake provider know of a program.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from '../../bindings/node/index.mjs';

export { sleep };

export const question = { model: 'scale', messages: [{ role: 'user', content: 'hi' }] };

export const routerAt = (base) => Router.fromYaml(`
model_list:
  - model_name: scale
    litellm_params: {model: openai/scale, api_base: '${base}', api_key: sk-scale}
router_settings: {num_retries: 0, disable_cooldowns: true}
`);

/** A field of /proc/self/status; memory is in KiB. */
export const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]);

/** Resident memory in KiB without what the collector has yet to give back. */
export async function settled() {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await sleep(20);
  }
  return status('VmRSS');
}

/** What V8's heap and its buffers have, in KiB. */
export function ofNode() {
  const { heapTotal, external } = process.memoryUsage();
  return (heapTotal + external) / 1024;
}

export const descriptors = () => readdirSync('/proc/self/fd').length - 1;

export const inFlight = (router) => router.snapshot().groups[0].deployments[0].in_flight;

/** The fake provider's counters. Asking leaves no trace in them. */
export async function stats(url) {
  const answer = await fetch(`${url}/_control/stats`, { headers: { connection: 'close' } });
  return answer.json();
}

/** Waits for what must become true, on a busy machine too. */
export async function until(what, is) {
  const end = Date.now() + 120_000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}
