// Eight loops call for three seconds; after one, a server is killed. No call may fail.

import { kill } from 'node:process';

import { Router } from '../../../bindings/node/index.mjs';

const router = Router.fromFile(process.argv[2]);
let end = 0;
const by = { A: 0, B: 0 };
let failed = 0;

async function call() {
  try {
    const answer = await router.completion({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] });
    by[answer.metadata.deployment] += 1;
  } catch (error) {
    console.error(error.message);
    failed += 1;
  }
}

async function calls() {
  while (Date.now() < end) await call();
}

// A server's first answer takes its time, so the clock starts when both have given one.
for (let i = 0; i < 100 && (by.A === 0 || by.B === 0); i += 1) await call();
end = Date.now() + 3000;
setTimeout(() => kill(Number(process.env.PID_A), 'SIGKILL'), 1000);
await Promise.all(Array.from({ length: 8 }, calls));
await router.close();
console.log(`Node: A (openai) ${by.A}, B (anthropic) ${by.B}, failed ${failed}`);
process.exitCode = by.A > 0 && by.B > 0 && failed === 0 ? 0 : 1;
