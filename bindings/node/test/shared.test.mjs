// What the snapshot tells of the cache and of what is shared.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthenticationError, Router } from 'llmrouter';
import { closing, mock, request } from './support/configs.mjs';
import { deadUrl } from './support/provider.mjs';

async function eventually(condition) {
  const end = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < end, `${condition} did not come true`);
    await sleep(5);
  }
}

test('a cache and a store that are away', async (t) => {
  const start = Date.now();
  const address = (await deadUrl()).replace('http://', '');
  const router = closing(t, Router.fromYaml(`${mock('kept')}
litellm_settings: {cache: true, cache_params: {type: redis, url: 'redis://${address}'}}
llmrouter_settings: {redis_failure: local_share}
`));
  const asked = await router.completion(request);
  assert.deepEqual([asked.metadata.cache_hit, asked.metadata.cache_key, asked.metadata.attempts.length], [false, undefined, 1]);
  const kept = await router.completion(request);
  assert.deepEqual([kept.text, kept.metadata.cache_hit, kept.metadata.attempts], ['kept', true, []]);
  assert.match(kept.metadata.cache_key, /^[0-9a-f]{64}$/);

  await eventually(() => {
    const { store, cache } = router.snapshot();
    return store.state === 'alone' && store.last_error !== null && cache.shared.unwritten > 0;
  });
  const { store, cache } = router.snapshot();
  assert.deepEqual([store.engine, store.mode, store.processes], [`redis ${address}`, 'local_share', 1]);
  assert.match(store.last_error, /connection refused/);
  assert.ok(store.since >= start && store.since <= Date.now() + 1);
  assert.deepEqual([cache.entries, cache.hits, cache.stored, cache.shared.name], [1, 1, 1, `redis ${address}`]);
  assert.ok(cache.bytes > 0 && cache.bytes <= cache.max_bytes);
});

test('a router without them', (t) => {
  const { store, cache } = closing(t, Router.fromYaml(mock('x'))).snapshot();
  assert.deepEqual([store, cache], [null, null]);
});

test('what another process has seen fail', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'llmrouter-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = `
model_list:
  - {model_name: g, litellm_params: {model: openai/m, mock_error: AuthenticationError}, model_info: {id: one}}
router_settings: {num_retries: 0}
llmrouter_settings: {shared_state: {file: ${join(folder, 'state')}}}
`;
  const [first, second] = [Router.fromYaml(config), Router.fromYaml(config)].map((router) => closing(t, router));
  const seen = (router) => router.snapshot().groups[0].deployments[0];
  await assert.rejects(first.completion({ ...request, model: 'g' }), AuthenticationError);
  await eventually(() => seen(second).state === 'cooling');
  assert.deepEqual([seen(first).from_fleet, seen(second).from_fleet], [false, true]);
  assert.equal(seen(second).cause, seen(first).cause);
  assert.equal(second.snapshot().store.state, 'shared');
});
