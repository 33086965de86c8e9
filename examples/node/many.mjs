// A thousand calls at once from one thread: how they spread over weighted deployments, and what it took.
//
//   npm install llmrouter && node many.mjs ../config/many.yaml

import { readFileSync } from 'node:fs';
import { Router } from 'llmrouter';

const CALLS = 1000;
const router = Router.fromFile(process.argv[2] ?? 'examples/config/many.yaml');
const request = { model: 'gpt-4', messages: [{ role: 'user', content: 'Hi' }] };

const start = performance.now();
const calls = Array.from({ length: CALLS }, () => router.completion(request));
const threads = /Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];
const outcomes = await Promise.allSettled(calls);
const took = performance.now() - start;

const answers = outcomes.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
const failed = CALLS - answers.length;
const overhead = answers.reduce((sum, { metadata }) => sum + metadata.overhead_ms, 0) / CALLS;

console.log(`${CALLS} calls at once, each of which takes the deployment 20 ms`);
for (const name of ['east', 'west', 'spare']) {
  const count = answers.filter(({ text }) => text === name).length;
  console.log(`    ${name.padEnd(6)} ${String(count).padStart(4)}  ${'#'.repeat(count / 16)}`);
}
console.log(`    ${failed} failed; all ended within ${took.toFixed()} ms, on ${threads} threads`);
console.log(`    router's own time: ${overhead.toFixed(3)} ms a call`);
await router.close();
process.exitCode = failed > 0 ? 1 : 0;
