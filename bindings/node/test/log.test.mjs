// The log listener.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { InvalidArgumentError, Router, setLogListener } from 'llmrouter';
import { request } from './support/configs.mjs';

const failing = `
model_list:
  - model_name: g
    litellm_params: {model: openai/m, mock_error: 500, api_key: sk-canary-0123456789}
    model_info: {id: one}
router_settings: {num_retries: 0, disable_cooldowns: true, set_verbose: true}
general_settings: {master_key: x}
`;

async function recordsOf(level, work) {
  const records = [];
  setLogListener((record) => records.push(record), level);
  await work();
  await sleep(50);
  setLogListener(null);
  return records;
}

async function fail() {
  const router = Router.fromYaml(failing);
  await assert.rejects(router.completion(request));
  await router.close();
}

test('records come with their level, as objects, and without keys', async () => {
  const records = await recordsOf('debug', fail);
  const failed = records.find(({ level }) => level === 'debug');
  assert.equal(failed?.deployment, 'one', JSON.stringify(records));
  assert.ok(Math.abs(failed.time - Date.now()) < 60_000);
  assert.ok(!JSON.stringify(records).includes('canary'));
  assert.ok((await recordsOf('warn', fail)).every(({ level }) => level === 'warn'));
});

test('after null nothing comes', async () => {
  const records = await recordsOf('trace', async () => {});
  await fail();
  await sleep(50);
  assert.deepEqual(records, []);
});

test('a listener that throws costs neither calls nor other records', async (t) => {
  const thrown = [];
  const records = await recordsOf('debug', async () => {
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error.message));
    t.after(() => process.removeAllListeners('uncaughtException'));
    let heard = 0;
    setLogListener(() => {
      throw new Error(`mine ${heard++}`);
    }, 'debug');
    await fail();
    await fail();
  });
  assert.deepEqual(records, []);
  assert.ok(thrown.length >= 2 && thrown[0] === 'mine 0', thrown.join());
});

test('records that a busy loop has no room for are counted', async () => {
  const records = [];
  setLogListener((record) => records.push(record), 'debug');
  const router = Router.fromYaml(failing);
  const calls = Array.from({ length: 12_000 }, () => router.completion({ ...request, num_retries: 0 }).catch(() => {}));
  const until = Date.now() + 20_000;
  while (router.snapshot().groups[0].deployments[0].failed < 12_000 && Date.now() < until);
  await Promise.all(calls);
  await sleep(50);
  setLogListener(null);
  await router.close();
  const lost = records.find((record) => 'dropped' in record);
  assert.ok(lost?.dropped > 0 && lost.level === 'warn', `${records.length} records`);
  assert.match(lost.message, /^\d+ log records/);
});

test('a worker that ends takes its listener with it', async () => {
  const program = `
    const { Router, setLogListener } = require('llmrouter');
    setLogListener(() => {}, 'trace');
    require('node:worker_threads').parentPort.postMessage('set');`;
  const worker = new Worker(program, { eval: true });
  await once(worker, 'exit');
  await fail();
  assert.notEqual((await recordsOf('debug', fail)).length, 0);
});

test('misuse is refused', () => {
  assert.throws(() => setLogListener(undefined), InvalidArgumentError);
  assert.throws(() => setLogListener(() => {}, 'loud'), InvalidArgumentError);
});
