// Thousands of streams open at once through the Node package: streams.mjs <url> <path> <streams> <chunks of each>.
// Run with --expose-gc.

import { argv } from 'node:process';
import { check, inFlight, ofNode, question, routerAt, settled, sleep, status, until } from './process.mjs';

/** What an open stream may cost, in KiB, with its promises and what the collector has not looked at yet. What of it is
 * the library's can't be told exactly: V8 has more than its heap. */
const MOST_KIB = 128;
/** What the allocators and the collector may set aside, however few streams there are. */
const SPARE_KIB = 32 * 1024;
const MOST_OPENING = 500;
/** The first of them start the workers and fill what is made once; then what the others add is measured. */
const FIRST = 50;

const [, , url, path, count, each] = argv.map((argument) => Number(argument) || argument);
const router = routerAt(url + path);
const all = { asked: 0, opened: 0, over: 0, chunks: 0 };

/** One stream from its opening to its end. The contents are numbers, counted up. */
async function read() {
  all.asked += 1;
  const stream = await router.stream(question);
  all.opened += 1;
  let next = 0;
  for await (const chunk of stream) {
    const text = chunk.choices[0].delta.content;
    if (!text) continue;
    check(text === String(next), `a chunk says ${text} and not ${next}`);
    next += 1;
    all.chunks += 1;
  }
  check(next === each, `${next} chunks came of ${each}`);
  all.over += 1;
}

// A stream that fails ends the program, as it is not waited for yet.
const running = Array.from({ length: FIRST }, read);
await until('the first are open', () => all.opened === FIRST);
const before = await settled();
const beforeOfNode = ofNode();
const threads = status('Threads');

const begin = performance.now();
for (let i = 0; i < count; i += 1) {
  running.push(read());
  while (all.asked - all.opened >= MOST_OPENING) await sleep(1);
}
await until('all are open', () => all.opened === FIRST + count);
const opening = performance.now() - begin;
check(all.over <= FIRST, `not all were open at once: ${all.over} are over`);
check(inFlight(router) >= count, `${inFlight(router)} in flight`);

let [most, ofNodeThen] = [0, 0];
while (all.over <= FIRST) {
  const now = status('VmRSS');
  if (now > most) [most, ofNodeThen] = [now, ofNode()];
  check(status('Threads') === threads, `${threads} threads have become ${status('Threads')}`);
  await sleep(100);
}
await Promise.all(running);
const took = performance.now() - begin;
check(status('Threads') === threads, `${threads} threads have become ${status('Threads')}`);
check(inFlight(router) === 0, `${inFlight(router)} are still in flight`);
await router.close();

const whole = (most - before) / count;
const beside = whole - (ofNodeThen - beforeOfNode) / count;
console.log(
  `Node ${path}: ${count} streams open after ${(opening / 1e3).toFixed(1)} s, over after ${(took / 1e3).toFixed(1)} s; ` +
    `${all.chunks} chunks; ${threads} threads; ${whole.toFixed(1)} KiB a stream, allowed ${MOST_KIB}, ` +
    `${beside.toFixed(1)} of them beside V8's heap`,
);
check(all.chunks === (FIRST + count) * each, `${all.chunks} chunks came`);
check(most - before <= MOST_KIB * count + SPARE_KIB, 'a stream costs more memory than it may');
