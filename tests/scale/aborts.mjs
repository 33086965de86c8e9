// Streams left at random points through the Node package: aborts.mjs <url> <streams>. Run with --expose-gc.

import { argv } from 'node:process';
import { check, descriptors, inFlight, question, routerAt, settled, stats, status, until } from './process.mjs';

/** How many there are at a time. Memory is as large as it gets after WARM_UP of them. */
const AT_ONCE = 200;
const WARM_UP = 2000;
/** Until when those are ended that are ended by time, and when all are that nobody has left yet, such as the ones that get
 * no answer. */
const SOON_MS = 60;
const LATE_MS = 200;
/** What all together may leave behind, in KiB. */
const MOST_LEFT = 32 * 1024;

const [, , url, count] = argv.map((argument) => Number(argument) || argument);
const router = routerAt(`${url}/left/v1`);
const random = (below) => Math.floor(Math.random() * below);

/** Opens one stream and leaves it: by its signal at any time, by its signal behind some chunks, by leaving the loop, by
 * closing it elsewhere, or not at all. */
async function leave(ends) {
  const way = random(5);
  let after = random(15);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), way === 0 ? random(SOON_MS) : LATE_MS);
  let stream;
  try {
    stream = await router.stream(question, { signal: abort.signal });
    for await (const chunk of stream) {
      check(Array.isArray(chunk.choices), 'a chunk without choices');
      after -= 1;
      if (after > 0) continue;
      if (way === 1) abort.abort();
      if (way === 2) {
        ends.left += 1;
        return;
      }
      if (way === 3) stream.cancel();
    }
    ends.whole += 1;
  } catch (error) {
    if (error.name !== 'CancelledError') throw error;
    ends[stream === undefined ? 'unopened' : 'cancelled'] += 1;
  } finally {
    clearTimeout(timer);
  }
}

async function leaveAll(streams) {
  const ends = { unopened: 0, cancelled: 0, left: 0, whole: 0 };
  let given = 0;
  const chain = async () => {
    while (given++ < streams) await leave(ends);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, chain));
  return ends;
}

/** Waits until nobody has a stream any more, and says what is there besides the connections that are kept. */
async function rest() {
  await until('nothing is in flight', async () => inFlight(router) === 0 && (await stats(url)).in_flight === 0);
  let kept;
  await until('no connection ends any more', async () => {
    const before = kept;
    kept = (await stats(url)).open_connections;
    return before === kept;
  });
  check(kept <= AT_ONCE, `${kept} connections are kept`);
  const resident = await settled();
  return { descriptors: descriptors() - kept, threads: status('Threads'), resident };
}

await stats(url);
await leaveAll(WARM_UP);
const before = await rest();
const begin = performance.now();
const ends = await leaveAll(count);
const took = performance.now() - begin;
const after = await rest();
await router.close();
console.log(
  `Node: ${count} streams left in ${(took / 1e3).toFixed(1)} s: ${ends.unopened} before they opened, ` +
    `${ends.cancelled} cancelled while read, ${ends.left} left, ${ends.whole} read whole; ` +
    `${after.threads} threads; ${before.resident} KiB to ${after.resident} KiB`,
);
for (const what of ['descriptors', 'threads']) {
  check(after[what] === before[what], `${before[what]} ${what} have become ${after[what]}`);
}
check(after.resident - before.resident <= MOST_LEFT, 'memory has grown');
check(Math.min(...Object.values(ends)) > count / 50, 'some way to leave was hardly taken');
await until('all connections are closed', async () => (await stats(url)).open_connections === 0);
