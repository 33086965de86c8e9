// What a router's event listener hears: each row of tests/bindings/events.json, and how a listener is set and ends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { InvalidArgumentError, Router, ShutDownError } from 'llmrouter';
import { run } from './support/child.mjs';
import { closing, mock, request } from './support/configs.mjs';
import { startProvider } from './support/provider.mjs';
import { inRepository } from './support/repository.mjs';

const { config, cases } = JSON.parse(readFileSync(inRepository('tests/bindings/events.json'), 'utf8'));
const provider = await startProvider();
after(() => provider.close());

/** What is wanted is there, at every depth. */
function fits(is, wanted) {
  if (Array.isArray(wanted)) return is?.length === wanted.length && wanted.every((one, i) => fits(is[i], one));
  if (wanted !== null && typeof wanted === 'object') return Object.entries(wanted).every(([name, value]) => fits(is?.[name], value));
  if (typeof wanted === 'number') return Math.abs(is - wanted) <= 1e-9 * Math.abs(wanted);
  return is === wanted;
}

/** A condition that comes true soon. */
async function until(condition) {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'it did not come true within 10 s');
    await sleep(2);
  }
}

async function play(router, { path = '/chat/completions', request, stream, read, cancel, close }) {
  if (stream) {
    let left = read ?? Infinity;
    for await (const _ of await router.requestStream(path, request)) if (--left <= 0) break;
    return;
  }
  const controller = new AbortController();
  const call = router.request(path, request, { signal: controller.signal });
  if (cancel || close) {
    call.catch(() => {});
    await until(async () => (await provider.stats()).in_flight === 1);
  }
  if (cancel) controller.abort();
  if (close) await router.close();
  await call;
}

for (const row of cases) {
  test(row.name, async () => {
    await provider.play(row.script);
    await provider.forget();
    const router = Router.fromYaml(config.replaceAll('{{provider}}', provider.url));
    const events = [];
    router.setEventListener((event) => events.push(event));
    for (let i = 0; i <= (row.warm_up ?? 0); i++) await play(router, row).catch(() => {});
    await router.close();
    assert.equal(events.length, row.events.length, JSON.stringify(events));
    const members = Object.keys(events[0]);
    for (const [i, event] of events.entries()) {
      assert.ok(fits(event, row.events[i]), `${JSON.stringify(event)}\nis not ${JSON.stringify(row.events[i])}`);
      assert.deepEqual(Object.keys(event), members);
      const { total_ms: total, ...phases } = event.phases;
      assert.ok(Math.abs(Object.values(phases).reduce((sum, phase) => sum + phase) - total) < 1);
    }
  });
}

test('each router has its own listener, that hears nothing after null or another one', async (t) => {
  const [router, other] = [mock('one'), mock('two')].map((yaml) => closing(t, Router.fromYaml(yaml)));
  const [first, second, elsewhere] = [[], [], []];
  other.setEventListener((event) => elsewhere.push(event));
  router.setEventListener((event) => first.push(event));
  await router.completion(request);
  await until(() => first.length === 2);
  router.setEventListener((event) => second.push(event));
  await router.completion(request);
  await until(() => second.length === 2);
  router.setEventListener(null);
  router.setEventListener(null);
  await router.completion(request);
  router.setEventListener(() => second.push('late'));
  await router.completion(request);
  router.setEventListener(null);
  await sleep(20);
  assert.deepEqual([first.length, second.length, elsewhere.length], [2, 2, 0]);
});

test('inside a listener everything works', async () => {
  const router = Router.fromYaml(mock('mocked'));
  const heard = [];
  let inner;
  await new Promise((resolve) => {
    router.setEventListener(({ event }) => {
      heard.push(event);
      router.setEventListener(null);
      router.setEventListener(() => heard.push('other'));
      inner = router.completion(request);
      inner.then(() => router.close()).then(resolve);
    });
    router.completion(request);
  });
  assert.equal((await inner).text, 'mocked');
  // The outer call's own event comes before or after the change: nobody hears it, or the other listener does.
  assert.match(heard.join(), /^attempt,other,other(,other)?$/);
});

test('a list of events has one listener after the other, when that is set within it', async () => {
  const router = Router.fromYaml(mock('mocked'));
  const heard = [];
  router.setEventListener(({ event }) => {
    heard.push(event);
    router.setEventListener(({ event }) => heard.push(`other ${event}`));
  });
  await router.completion(request);
  await until(() => heard.length === 2);
  await router.close();
  assert.deepEqual(heard, ['attempt', 'other call']);
});

test('a listener that throws costs neither calls nor other events', async (t) => {
  const router = Router.fromYaml(mock('mocked'));
  const thrown = [];
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  t.after(() => process.removeAllListeners('uncaughtException'));
  router.setEventListener(({ event }) => {
    throw new Error(event);
  });
  await router.completion(request);
  await router.close();
  await sleep(5);
  assert.deepEqual(thrown, ['attempt', 'call']);
});

test('while the loop is busy calls go on, and the newest events are kept', async () => {
  const router = Router.fromYaml(mock('mocked'));
  const numbers = new Set();
  router.setEventListener(({ event, call_id: number }) => event === 'call' && numbers.add(number));
  const calls = Array.from({ length: 12_000 }, () => router.completion(request));
  const end = Date.now() + 60_000;
  while (router.snapshot().groups[0].deployments[0].succeeded < 12_000 && Date.now() < end);
  await Promise.all(calls);
  await until(() => numbers.has(12_000));
  await router.close();
  assert.ok(numbers.size > 8_000 && numbers.size < 12_000, `${numbers.size} heard`);
});

test('a listener does not keep the process alive, and ends with its thread', async () => {
  const program = `
    const { Router } = require('llmrouter');
    const router = Router.fromYaml(${JSON.stringify(mock('mocked'))});
    router.setEventListener(({ event }) => console.log(event));
    const request = { model: 'g', messages: [] };
    router.completion(request).then(() => console.log('answered'));`;
  const { code, stdout } = await run(process.execPath, ['-e', program], { cwd: inRepository('bindings/node') });
  assert.equal(code, 0);
  assert.match(stdout, /answered/);
  const worker = new Worker(`${program} for (let i = 0; i < 5000; i++) router.completion(request).catch(() => {});`, {
    eval: true,
    stdout: true,
  });
  await once(worker.stdout, 'data');
  await worker.terminate();
});

test('misuse is refused', async () => {
  const router = Router.fromYaml(mock('mocked'));
  for (const wrong of [undefined, 'loud', {}]) assert.throws(() => router.setEventListener(wrong), InvalidArgumentError);
  await router.close();
  assert.throws(() => router.setEventListener(() => {}), ShutDownError);
});
