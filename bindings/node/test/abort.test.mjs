// Cancelling by AbortSignal.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, Router } from 'llmrouter';
import { closing, mock, remote, request } from './support/configs.mjs';
import { startProvider } from './support/provider.mjs';

const cancelled = (cause) => (error) => {
  assert.ok(error instanceof CancelledError, error?.stack);
  assert.equal(error.cause, cause);
  assert.equal(error.retryable, false);
  return true;
};

describe('on sockets', () => {
  let provider;
  before(async () => (provider = await startProvider()));
  after(() => provider.close());

  test('an aborted signal sends nothing', async (t) => {
    const router = closing(t, Router.fromYaml(remote(provider.url)));
    await provider.forget();
    const reason = new Error('changed my mind');
    await assert.rejects(router.completion(request, { signal: AbortSignal.abort(reason) }), cancelled(reason));
    await sleep(50);
    assert.deepEqual(await provider.log(), []);
    assert.equal((await provider.stats()).requests, 0);
  });

  test('an abort closes the connection of a call that waits', async (t) => {
    const router = closing(t, Router.fromYaml(remote(provider.url)));
    await provider.forget();
    await provider.play({ paths: { '/one': [{ hang: true }] } });
    const controller = new AbortController();
    const call = assert.rejects(router.completion(request, { signal: controller.signal }), cancelled('enough'));
    while ((await provider.stats()).requests === 0) await sleep(5);
    const start = performance.now();
    controller.abort('enough');
    await call;
    assert.ok(performance.now() - start < 50);
    while ((await provider.stats()).client_aborts === 0) await sleep(5);
  });
});

test('the reason of AbortSignal.timeout is the cause', async (t) => {
  const router = closing(t, Router.fromYaml(mock('late', 20_000)));
  const signal = AbortSignal.timeout(20);
  await assert.rejects(router.completion(request, { signal }), (error) => {
    return cancelled(signal.reason)(error) && error.cause.name === 'TimeoutError';
  });
});

test('one signal ends a thousand calls, and no others', async (t) => {
  const router = closing(t, Router.fromYaml(mock('there', 300)));
  const warnings = [];
  const heard = (warning) => warnings.push(warning);
  process.on('warning', heard);
  t.after(() => process.off('warning', heard));

  const controller = new AbortController();
  const options = { signal: controller.signal };
  const ended = Array.from({ length: 1000 }, () => router.completion(request, options));
  const others = Array.from({ length: 100 }, () => router.completion(request, { signal: new AbortController().signal }));
  const outcomes = Promise.allSettled(ended);
  await sleep(20);
  controller.abort();
  for (const { reason } of await outcomes) cancelled(controller.signal.reason)(reason);
  for (const { text } of await Promise.all(others)) assert.equal(text, 'there');
  assert.deepEqual(warnings, []);
});

test('a signal is let go when its call ends', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  let listening = 0;
  const signal = {
    aborted: false,
    addEventListener: () => listening++,
    removeEventListener: () => listening--,
  };
  await router.completion(request, { signal });
  await assert.rejects(router.completion({ ...request, model: 'nobody' }, { signal }));
  assert.equal(listening, 0);
});

test('an abort that comes too late changes nothing', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const controller = new AbortController();
  const answer = await router.completion(request, { signal: controller.signal });
  controller.abort();
  assert.equal(answer.text, 'x');
  assert.equal((await router.completion(request)).text, 'x');
});

test('calls that are aborted at any time end once', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x', 3)));
  const tally = { there: 0, cancelled: 0 };
  const one = async (index) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), index % 5);
    await router.completion(request, { signal: controller.signal }).then(
      () => tally.there++,
      (error) => cancelled(controller.signal.reason)(error) && tally.cancelled++,
    );
    clearTimeout(timer);
  };
  for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)));
  assert.equal(tally.there + tally.cancelled, 2000);
  assert.ok(tally.there > 0 && tally.cancelled > 0, JSON.stringify(tally));
});
