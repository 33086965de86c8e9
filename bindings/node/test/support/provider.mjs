// The scripted fake provider: a process of its own that ends with this one.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { inRepository } from './repository.mjs';

const binary = process.env.LLMROUTER_FAKEPROVIDER ?? inRepository('target/debug/fakeprovider');

/** Starts one. `close` ends it. */
export async function startProvider() {
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`cargo build -p fakeprovider\` first`);
  const child = spawn(binary, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    new Promise((resolve) => lines.once('line', (text) => resolve([text]))),
    new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`fakeprovider ended with ${code}`)))),
  ]);
  const url = line.replace('listening ', '');
  const control = async (method, path, body) => {
    const answer = await fetch(`${url}/_control/${path}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  return {
    url,
    /** Plays a script; without one every path answers. */
    play: (script = { paths: {} }) => control('PUT', 'script', script),
    log: async () => (await control('GET', 'log')).json(),
    stats: async () => (await control('GET', 'stats')).json(),
    forget: () => control('DELETE', 'log'),
    close: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit');
        child.once('exit', resolve);
        child.stdin.end();
      }),
  };
}

/** The URL of a port that nobody listens on. */
export async function deadUrl() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
