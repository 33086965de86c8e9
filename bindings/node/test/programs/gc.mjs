// Garbage is collected all the time, while routers, calls and answers are dropped at every stage. Needs --expose-gc.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'llmrouter';
import { mock, request } from '../support/configs.mjs';

const collect = async () => {
  globalThis.gc();
  await sleep(1);
};
const threads = () => readdirSync('/proc/self/task').length;
const warm = Router.fromYaml(mock('x'));
await warm.completion(request);
await warm.close();
const before = threads();

// Answers outlive their router, and are read after many collections.
const kept = [];
for (let round = 0; round < 20; round++) {
  const router = Router.fromYaml(mock(`round ${round}`));
  const answers = await Promise.all(Array.from({ length: 50 }, () => router.completion(request)));
  kept.push(answers[round]);
  await collect();
  if (round % 2 === 0) await router.close();
}
await collect();
kept.forEach((answer, round) => {
  assert.equal(answer.text, `round ${round}`);
  assert.equal(answer.metadata.deployment, 'one');
  assert.equal(JSON.parse(answer.body).choices.length, 1);
});

// Nobody holds the router but its call.
for (let round = 0; round < 20; round++) {
  const pending = Router.fromYaml(mock('late', 20)).completion(request);
  await collect();
  await collect();
  assert.equal((await pending).text, 'late');
}

// Nobody waits for the calls, nobody reads the answers.
async function dropAll() {
  const router = Router.fromYaml(mock('unread', 5));
  for (let i = 0; i < 100; i++) void router.completion(request);
  await collect();
}
for (let round = 0; round < 20; round++) await dropAll();

// Dropped routers are closed: their threads go.
const deadline = Date.now() + 10_000;
while (threads() > before && Date.now() < deadline) await collect();
assert.ok(threads() <= before, `${threads()} threads, ${before} before`);
console.log('ok');
