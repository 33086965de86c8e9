// Programs that are run as children: what ends by itself, and when, shows only from outside.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

/** Runs a program until it ends; one that does not end in `timeout` ms is killed and its signal says so. */
export async function run(command, args, { timeout = 60_000, ...options } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL', ...options });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...ending) => resolve(ending));
  });
  return { code, signal, stdout, stderr, endedAt: Date.now() };
}

/** Runs one of `test/programs` with node. */
export const runProgram = (name, { args = [], flags = [], ...options } = {}) =>
  run(process.execPath, [...flags, program(name), ...args], options);
