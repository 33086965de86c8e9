// When the process lives and when it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './support/child.mjs';

/** From the last answer to the end of the process, as its parent sees it. */
async function ending(args) {
  const { code, signal, stdout, stderr, endedAt } = await runProgram('one_call.mjs', { args });
  assert.equal(code, 0, `${signal} ${stderr}`);
  const { text, answeredAt } = JSON.parse(stdout);
  assert.equal(text, 'here');
  return endedAt - answeredAt;
}

// The fastest runs say what this package does; the slowest what else the machine had to do.
const second = (times) => times.toSorted((a, b) => a - b).at(-2);

for (const closes of ['close', 'leave']) {
  test(`a process ends within 100 ms of its last answer, 20 runs (${closes})`, async (t) => {
    const times = [];
    for (let i = 0; i < 20; i++) times.push(await ending([closes, '0']));
    t.diagnostic(`ms: ${times.join(' ')}`);
    assert.ok(second(times) <= 100, times.join(' '));
    assert.ok(Math.max(...times) <= 1000, times.join(' '));
  });
}

test('a process lives while a call runs', async () => {
  // Nothing but the call keeps it: were it not for the call, it would end with code 13 and print nothing.
  await ending(['leave', '1500']);
});

test('garbage collection at every stage', async () => {
  const { code, signal, stdout, stderr } = await runProgram('gc.mjs', { flags: ['--expose-gc'] });
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'ok\n' }, stderr);
});

test('workers start, end, exit and are terminated under load', async () => {
  const { code, signal, stdout, stderr } = await runProgram('workers.mjs', { timeout: 120_000 });
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'ok\n' }, stderr);
});
