// Streams that are dropped, in workers that end, exit or are terminated, and in a process that must end by itself.
// Needs --expose-gc.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Router } from 'llmrouter';
import { mock, request } from '../support/configs.mjs';

const long = { ...request, mock_response: 'word '.repeat(1000) };

async function readSome(router, most) {
  const iterator = (await router.stream(long))[Symbol.asyncIterator]();
  for (let i = 0; i < most; i++) await iterator.next();
  return iterator;
}

async function work(ending) {
  const router = Router.fromYaml(mock('x'));
  const open = await Promise.all(Array.from({ length: 20 }, (_, index) => readSome(router, index)));
  if (ending === 'exit') setImmediate(() => process.exit(0));
  parentPort.postMessage('running');
  if (ending === 'close') await router.close();
  if (ending === 'wait') for (const iterator of open) await iterator.return();
  while (ending === 'terminate') await Promise.all(Array.from({ length: 10 }, (_, index) => readSome(router, 20 * index)));
}

async function supervise(ending, index) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: ending });
  const ended = new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve));
  if (ending === 'terminate') {
    await new Promise((resolve) => worker.once('message', resolve));
    await sleep(index * 3);
    await worker.terminate();
  }
  assert.equal(await ended, ending === 'terminate' ? 1 : 0, ending);
}

const inFlight = (router) => router.snapshot().groups[0].deployments[0].in_flight;

/** Nobody holds these, one signal for all of them lives on. */
async function drop(router, signal) {
  await Promise.all(Array.from({ length: 50 }, async (_, index) => void (await readSome(router, index))));
  await Promise.all(Array.from({ length: 50 }, async () => void (await router.stream(long, { signal }))));
}

if (isMainThread) {
  const endings = ['wait', 'close', 'exit', 'terminate'];
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, index) => supervise(endings[index % 4], index)));
  }

  const router = Router.fromYaml(mock('x'));
  const { signal } = new AbortController();
  await drop(router, signal);
  assert.ok(inFlight(router) > 0, 'they are open');
  const deadline = Date.now() + 10_000;
  while (inFlight(router) > 0 && Date.now() < deadline) {
    globalThis.gc();
    await sleep(5);
  }
  assert.equal(inFlight(router), 0, 'the finalizers free what was dropped');
  assert.equal(signal.aborted, false);

  // A stream keeps its router.
  const alone = await Router.fromYaml(mock('kept')).stream(request);
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await sleep(5);
  }
  for await (const _ of alone);
  assert.equal(alone.text, 'kept');

  // An open stream that nobody reads keeps no process alive: this one ends although it was not closed.
  globalThis.kept = await router.stream(long);
  console.log('ok');
} else {
  await work(workerData);
}
