// Life cycle and misuse.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ConfigError, InvalidArgumentError, Router, ShutDownError } from 'llmrouter';
import { closing, mock, request } from './support/configs.mjs';

/** How often the loop turned while something was waited for. */
async function turnsDuring(promise) {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const value = await promise;
  clearInterval(timer);
  return { turns, value };
}

test('a router is made from a file by path and by URL', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'llmrouter-node-'));
  const path = join(folder, 'grüße.yaml');
  writeFileSync(path, mock('from a file'));
  for (const place of [path, pathToFileURL(path)]) {
    const router = closing(t, Router.fromFile(place));
    assert.equal((await router.completion(request)).text, 'from a file');
  }
  rmSync(folder, { recursive: true });
  assert.throws(() => Router.fromFile(path), (error) => error instanceof ConfigError && error.message.includes('grüße'));
});

test('what is no text is refused', () => {
  for (const wrong of [undefined, null, 1, {}, Buffer.from('model_list: []')]) {
    assert.throws(() => Router.fromYaml(wrong), InvalidArgumentError);
  }
  assert.throws(() => Router.fromFile(1), InvalidArgumentError);
  assert.throws(() => Router.fromFile(null), InvalidArgumentError);
  assert.throws(() => new Router(), TypeError);
});

test('what is no request is rejected, never thrown', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const circular = { ...request };
  circular.self = circular;
  const wrong = [undefined, () => {}, Symbol('s'), circular, { ...request, n: 1n }];
  for (const one of wrong) await assert.rejects(router.completion(one), InvalidArgumentError);
  for (const one of [undefined, {}, 1, [1]]) await assert.rejects(router.completionRaw(one), InvalidArgumentError);
  for (const one of ['', '{', 'null', '[]', new Uint8Array(0), Buffer.from([0xff, 0xfe])]) {
    await assert.rejects(router.completionRaw(one), ({ code }) => code === 1 || code === 400);
  }
  await assert.rejects(router.completion(request, { signal: {} }), InvalidArgumentError);
  for (const one of [undefined, NaN, -1, '5']) await assert.rejects(router.shutdown(one), InvalidArgumentError);
  assert.equal((await router.completion(request)).text, 'x');
});

test('a request may be bytes, part of a buffer too', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const json = JSON.stringify(request);
  const within = Buffer.from(`###${json}###`);
  const bytes = [Buffer.from(json), new TextEncoder().encode(json), within.subarray(3, within.length - 3)];
  for (const one of bytes) assert.equal((await router.completionRaw(one)).text, 'x');
});

test('an answer is read in parts, also when its router is closed', async () => {
  const router = Router.fromYaml(mock('grüße 😀'));
  const answer = await router.completion(request);
  await router.close();
  assert.equal(answer.text, 'grüße 😀');
  assert.equal(answer.data.choices[0].message.content, 'grüße 😀');
  assert.equal(answer.data, answer.data);
  assert.deepEqual(JSON.parse(answer.body), answer.data);
  assert.equal(JSON.stringify(answer), JSON.stringify(answer.data));
  assert.equal(answer.metadata, answer.metadata);
  assert.equal(answer.metadata.attempts.length, 1);
});

test('a snapshot tells the state', async (t) => {
  const router = closing(t, Router.fromYaml(`${mock('x', 500)}\nrouter_settings: {routing_strategy: simple-shuffle}`));
  const calls = Array.from({ length: 3 }, () => router.completion(request));
  await sleep(50);
  const [group] = router.snapshot().groups;
  assert.equal(group.name, 'g');
  assert.deepEqual([group.deployments[0].id, group.deployments[0].in_flight], ['one', 3]);
  await Promise.all(calls);
  assert.equal(router.snapshot().groups[0].deployments[0].succeeded, 3);
});

test('a snapshot tells limits, spend, budgets and aliases', async (t) => {
  const router = closing(
    t,
    Router.fromYaml(`
model_list:
  - model_name: g
    litellm_params: {model: openai/m, mock_response: x, rpm: 9, tpm: 900, weight: 1.5, order: 1, tags: [eu, free],
                     max_parallel_requests: 7, input_cost_per_token: 0.5, output_cost_per_token: 0.25}
  - {model_name: h, litellm_params: {model: openai/m, mock_error: 429}}
router_settings: {num_retries: 0, allowed_fails: 0, model_group_alias: {a: g},
                  provider_budget_config: {openai: {budget_limit: 100, time_period: 1h}}}
`),
  );
  const start = Date.now();
  await router.completion({ model: 'g', messages: [] });
  await assert.rejects(router.completion({ model: 'h', messages: [] }));
  const { groups, aliases, budgets, in_flight: running, waiting } = router.snapshot();
  const [g, h] = groups;
  assert.deepEqual([g.state, h.state, g.strategy, g.spend, h.spend], ['healthy', 'down', 'simple-shuffle', 10, 0]);
  assert.deepEqual([g.rpm, g.tpm, g.in_flight, running, waiting], [1, 30, 0, 0, 0]);
  const [one] = g.deployments;
  assert.deepEqual(one.limits, { rpm: 9, tpm: 900, itpm: null, otpm: null, max_parallel_requests: 7 });
  assert.deepEqual(one.left, { requests: 8, tokens: 870, input_tokens: null, output_tokens: null });
  assert.deepEqual([one.spend, one.weight, one.order, one.tags], [10, 1.5, 1, ['eu', 'free']]);
  assert.deepEqual([h.deployments[0].weight, h.deployments[0].order, h.deployments[0].tags], [null, null, []]);
  assert.deepEqual(aliases, [{ name: 'a', model_group: 'g', hidden: false }]);
  const [{ resets_at: resets, ...budget }] = budgets;
  assert.deepEqual(budget, { kind: 'provider', name: 'openai', limit: 100, spent: 10, period_s: 3600 });
  assert.ok(Math.abs(resets - start - 3_600_000) < 10_000, `${resets}`);
});

test('metrics are the text of what was counted', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  assert.doesNotMatch(router.metrics(), /^llmrouter_calls_total/m);
  await router.completion(request);
  assert.match(router.metrics(), /^# TYPE llmrouter_calls_total counter\nllmrouter_calls_total\{.*requested_model="g",status="success"\} 1$/m);
});

test('what can not be explained throws', (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  assert.equal(router.explain(request).resolved.group, 'g');
  for (const one of [undefined, { ...request, n: 1n }]) assert.throws(() => router.explain(one), InvalidArgumentError);
  for (const one of [undefined, {}, 1]) assert.throws(() => router.explainRaw(one), InvalidArgumentError);
  for (const one of ['', '{', 'null', new Uint8Array(0), Buffer.from([0xff, 0xfe])]) {
    assert.throws(() => router.explainRaw(one), ({ code }) => code === 1 || code === 400);
  }
  assert.throws(() => router.explain({ ...request, model: 'nobody' }), ({ code, param }) => code === 400 && param === 'model');
});

test('shutdown refuses what is new, waits for what runs, and lets the loop turn', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x', 300)));
  const running = router.completion(request);
  const { turns, value } = await turnsDuring(Promise.all([router.shutdown(0), router.shutdown(20), router.shutdown(5000)]));
  assert.deepEqual(value, [false, false, true]);
  assert.ok(turns >= 20, `${turns} turns`);
  assert.equal((await running).text, 'x');
  await assert.rejects(router.completion(request), ShutDownError);
  assert.equal(await router.shutdown(Infinity), true);
});

test('a call after shutdown was begun is refused at once', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x', 100)));
  const running = router.completion(request);
  const drained = router.shutdown(5000);
  await assert.rejects(router.completion(request), ShutDownError);
  assert.equal(await drained, true);
  await running;
});

test('close overtakes a shutdown that waits', async () => {
  const router = Router.fromYaml(mock('x', 60_000));
  const running = assert.rejects(router.completion(request), ShutDownError);
  const drained = router.shutdown(60_000);
  const start = performance.now();
  const { turns } = await turnsDuring(router.close());
  assert.ok(performance.now() - start < 2000);
  assert.ok(turns < 400);
  await running;
  assert.equal(typeof (await drained), 'boolean');
});

test('close may be called many times, and what comes after is refused', async () => {
  const router = Router.fromYaml(mock('x', 60_000));
  const calls = Array.from({ length: 10 }, () => assert.rejects(router.completion(request), ShutDownError));
  await Promise.all([router.close(), router.close(), router.close()]);
  await Promise.all(calls);
  await router.close();
  await router[Symbol.asyncDispose]();
  assert.equal(await router.shutdown(10), true);
  assert.throws(() => router.snapshot(), ShutDownError);
  assert.throws(() => router.metrics(), ShutDownError);
  assert.throws(() => router.explain(request), ShutDownError);
  await assert.rejects(router.completion(request), ShutDownError);
  await assert.rejects(router.completionRaw('{}'), ShutDownError);
});

test('closed routers leave nothing: no thread, no file, no handle', async () => {
  const count = () => [readdirSync('/proc/self/task').length, readdirSync('/proc/self/fd').length];
  const once = async () => {
    const router = Router.fromYaml(mock('x'));
    await Promise.all(Array.from({ length: 20 }, () => router.completion(request)));
    await router.close();
  };
  await once();
  // A thread that reports a close is about to end when the close is reported; other tests' routers too.
  await sleep(100);
  const handles = process.getActiveResourcesInfo().length;
  const before = count();
  for (let i = 0; i < 30; i++) await once();
  await sleep(100);
  assert.deepEqual(count(), before);
  assert.equal(process.getActiveResourcesInfo().length, handles);
});
