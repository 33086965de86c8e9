// One configuration in the place of another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, InternalServerError, InvalidArgumentError, Router, RouterRateLimitError, ShutDownError } from 'llmrouter';
import { closing, mock, request } from './support/configs.mjs';

const textOf = async (router) => (await router.completion(request)).text;

test('calls that have begun keep their configuration, new ones have the new one', async (t) => {
  const router = closing(t, Router.fromYaml(mock('old', 300)));
  const begun = textOf(router);
  router.reload(mock('new'));
  assert.equal(await textOf(router), 'new');
  assert.equal(router.snapshot().groups[0].deployments[0].in_flight, 1);
  assert.equal(await begun, 'old');
  assert.equal(router.snapshot().groups[0].deployments[0].in_flight, 0);
});

test('reloads among calls lose none', async (t) => {
  const router = closing(t, Router.fromYaml(mock('a', 1)));
  const calls = [];
  for (let round = 0; round < 100; round++) {
    calls.push(textOf(router), textOf(router));
    router.reload(mock(round % 2 === 0 ? 'b' : 'a', 1));
    if (round % 10 === 0) await calls.at(-1);
  }
  // Each is answered by the configuration that it began with.
  const expected = Array.from({ length: 100 }, (_, round) => Array(2).fill(round % 2 === 0 ? 'a' : 'b')).flat();
  assert.deepEqual(await Promise.all(calls), expected);
  assert.equal(router.snapshot().groups[0].deployments[0].succeeded, 200);
});

test('a configuration that is wrong says where, and changes nothing', async (t) => {
  const router = closing(t, Router.fromYaml(mock('old')));
  const misspelt = `${mock('new')}router_settings:\n  num_retires: 3\n`;
  const says = /router_settings\.num_retires: unknown key at line 7 column 3; did you mean num_retries/;
  for (const load of [() => router.reload(misspelt), () => Router.fromYaml(misspelt)]) {
    assert.throws(load, (error) => error instanceof ConfigError && error.code === 2 && says.test(error.message));
  }
  assert.throws(() => router.reload(''), ConfigError);
  for (const wrong of [undefined, null, 1, {}, Buffer.from(mock('new'))]) {
    assert.throws(() => router.reload(wrong), InvalidArgumentError);
  }
  assert.equal(await textOf(router), 'old');
});

test('a deployment that rests goes on resting, one of another id does not', async (t) => {
  const config = (id, plays) => `
model_list:
  - {model_name: g, litellm_params: {model: openai/m, ${plays}}, model_info: {id: ${id}}}
router_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60}`;
  const router = closing(t, Router.fromYaml(config('a', 'mock_error: 500')));
  await assert.rejects(router.completion(request), InternalServerError);
  router.reload(config('a', 'mock_response: well'));
  await assert.rejects(router.completion(request), RouterRateLimitError);
  assert.equal(router.snapshot().groups[0].deployments[0].state, 'cooling');
  router.reload(config('b', 'mock_response: well'));
  assert.equal(await textOf(router), 'well');
});

test('a closed router has no configuration to replace', async () => {
  const router = Router.fromYaml(mock('old'));
  await router.close();
  assert.throws(() => router.reload(mock('new')), ShutDownError);
});

test('what was learnt is in the snapshot and in the plan', async (t) => {
  const router = closing(t, Router.fromYaml(`${mock('a', 5)}router_settings: {routing_strategy: usage-based-routing-v2}`));
  const [fresh] = router.snapshot().groups[0].deployments;
  assert.deepEqual([fresh.rpm, fresh.tpm, fresh.latency_ms, fresh.ttft_ms], [0, 0, null, null]);
  const answer = await router.completion(request);
  for await (const chunk of await router.stream(request)) assert.ok(chunk.id);
  const [used] = router.snapshot().groups[0].deployments;
  assert.equal(used.rpm, 2);
  assert.ok(used.tpm >= answer.data.usage.total_tokens && used.latency_ms > 0 && used.ttft_ms > 0, JSON.stringify(used));
  const [group] = router.explain(request).groups;
  assert.deepEqual([group.strategy, group.deployments[0].score], ['usage-based-routing-v2', used.tpm]);
});
