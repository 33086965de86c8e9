// Many calls at once on one thread.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Router } from 'llmrouter';
import { closing, mock, request } from './support/configs.mjs';

const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]);

test('10,000 promises at once', async (t) => {
  const router = closing(t, Router.fromYaml(mock('there', 100)));
  await router.completion(request);
  const before = status('Threads');
  const start = performance.now();
  const calls = Array.from({ length: 10_000 }, () => router.completion(request));
  const most = status('Threads');
  const answers = await Promise.all(calls);
  const took = performance.now() - start;
  t.diagnostic(`${took.toFixed()} ms, ${most} threads`);
  assert.ok(answers.every(({ text }) => text === 'there'));
  assert.equal(new Set(answers.map(({ metadata }) => metadata.call_id)).size, 10_000);
  assert.equal(most, before, 'a call takes no thread');
  assert.ok(took < 10_000);
});

test('the loop keeps turning under load', async (t) => {
  const router = closing(t, Router.fromYaml(mock('there')));
  let running = true;
  const load = Array.from({ length: 64 }, async () => {
    while (running) await router.completion(request);
  });
  let turns = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => ++turns === 50 && (clearInterval(timer), resolve()), 1);
  });
  running = false;
  await Promise.all(load);
  assert.equal(turns, 50);
});

test('answers that nobody holds cost no memory', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x'.repeat(2000))));
  const round = async () => {
    for (let i = 0; i < 40; i++) await Promise.all(Array.from({ length: 250 }, () => router.completion(request)));
    return status('VmRSS') / 1024;
  };
  for (let i = 0; i < 4; i++) await round();
  const first = await round();
  for (let i = 0; i < 11; i++) await round();
  const last = await round();
  t.diagnostic(`${first.toFixed()} MB, 120,000 answers of 3 KB later ${last.toFixed()} MB`);
  // Kept, they would be 360 MB.
  assert.ok(last - first < 120, `${first} MB to ${last} MB`);
});
