// Sixteen workers, again and again, under load: some end by themselves, some close, some are terminated mid-call, some
// exit. The process must survive and end by itself.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { Router, setLogListener } from 'llmrouter';
import { mock, request } from '../support/configs.mjs';

const WORKERS = 16;
const ROUNDS = 6;
const ENDINGS = ['wait', 'close', 'terminate', 'exit'];

async function work(ending) {
  const router = Router.fromYaml(mock('worker', ending === 'wait' ? 5 : 300));
  setLogListener(() => {}, 'trace');
  const calls = Array.from({ length: 200 }, () => router.completion(request));
  const outcomes = Promise.allSettled(calls);
  if (ending === 'exit') setImmediate(() => process.exit(0));
  if (ending === 'close') await router.close();
  parentPort.postMessage('running');
  // Until somebody terminates it, there is always something in flight and something that ends.
  while (ending === 'terminate') {
    await Promise.all(Array.from({ length: 50 }, () => router.completion({ ...request, mock_delay_ms: 1 })));
  }
  const settled = await outcomes;
  assert.equal(settled.length, 200);
  const right = ending === 'wait' ? ({ value }) => value?.text === 'worker' : ({ reason }) => reason?.type === 'ShutDownError';
  if (ending !== 'exit') assert.ok(settled.every(right));
}

async function supervise(ending, index) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: ending });
  const ended = new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', resolve);
  });
  if (ending === 'terminate') {
    await new Promise((resolve) => worker.once('message', resolve));
    await sleep(index * 3);
    await worker.terminate();
  }
  assert.equal(await ended, ending === 'terminate' ? 1 : 0, ending);
}

if (isMainThread) {
  const router = Router.fromYaml(mock('main'));
  for (let round = 0; round < ROUNDS; round++) {
    const workers = Array.from({ length: WORKERS }, (_, i) => supervise(ENDINGS[(i + round) % ENDINGS.length], i));
    const own = Promise.all(Array.from({ length: 500 }, () => router.completion(request)));
    await Promise.all(workers);
    assert.ok((await own).every(({ text }) => text === 'main'));
  }
  await router.close();
  console.log('ok');
} else {
  await work(workerData);
}
