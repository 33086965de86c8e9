// A view of a running router, from its snapshot and its events. It makes calls of its own, so that there is something to see.
//
//   npm install llmrouter && node status.mjs ../config/status.yaml          refreshed until Ctrl-C
//   node status.mjs ../config/status.yaml --once                            one frame, and the end

import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'llmrouter';

const once = process.argv.includes('--once');
const path = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? 'examples/config/status.yaml';
const isTerminal = process.stdout.isTTY && !once;
const router = Router.fromFile(path);

// What the events come to.
const seen = { calls: 0, failed: 0, cost: 0, of: new Map(), last: [] };
const LAST = 8;

router.setEventListener((event) => {
  if (event.event === 'attempt') {
    const own = seen.of.get(event.deployment) ?? 0;
    seen.of.set(event.deployment, own + (event.response_cost ?? 0));
  } else {
    seen.calls++;
    seen.cost += event.response_cost ?? 0;
    if (event.status === 'failure') seen.failed++;
  }
  const what = told(event);
  if (!what) return;
  // What comes again and again is one line.
  const before = seen.last.at(-1)?.what === what ? seen.last.pop().times : 0;
  seen.last = [...seen.last.slice(1 - LAST), { at: time(event.endTime * 1000), what, times: before + 1 }];
});

/** A line about what is worth one. */
function told({ event, level, deployment, requested_model: asked, model_group: group, fallbacks, error_information: error }) {
  if (event === 'attempt') return error && `${level.padEnd(5)} ${deployment} of ${group}: ${error.error_class}`;
  if (error) return `${level.padEnd(5)} the call of ${asked} failed: ${error.error_class}`;
  return fallbacks > 0 && `INFO  ${asked} was answered by ${deployment} of ${group}`;
}

const time = (ms) => new Date(ms).toISOString().slice(11, 19);
const dollars = (cost) => (typeof cost === 'number' ? `$${cost.toFixed(4)}` : '');
const colour = (code, text) => (isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text);
const COLOURS = { healthy: 32, cooling: 33, blocked: 31 };

/** Members of what is known, whatever they are: "rpm 12, tpm 300". */
function short(value) {
  if (value === null || typeof value !== 'object') return value === undefined || value === null ? '' : String(value);
  return Object.entries(value).filter(([, own]) => own !== null).map(([name, own]) => `${name} ${short(own)}`).join(', ');
}

const COLUMNS = [
  ['deployment', 14, ({ id }) => id],
  ['state', 12, ({ state, until }) => (until ? `${state} ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s` : state)],
  ['cause', 26, ({ cause }) => cause ?? ''],
  ['running', 8, ({ in_flight: running }) => running],
  ['ms/token', 10, ({ latency_ms: ms }) => (ms === null ? '' : ms >= 1e6 ? 'failing' : ms.toFixed(1))],
  ['rpm', 6, ({ rpm }) => rpm],
  ['tpm', 8, ({ tpm }) => tpm],
  ['good', 6, ({ succeeded }) => succeeded],
  ['bad', 6, ({ failed }) => failed],
  ['spent', 10, ({ id, spend }) => short(spend) || dollars(seen.of.get(id) ?? 0)],
  // Where there are limits: what is left of them.
  ['left', 24, ({ left, limits }) => short(left ?? limits)],
];

function row(deployment) {
  const cells = COLUMNS.map(([name, width, read]) => {
    const cell = String(read(deployment)).slice(0, width - 1).padEnd(width);
    return name === 'state' ? colour(COLOURS[deployment.state] ?? 0, cell) : cell;
  });
  return `  ${cells.join('')}`.trimEnd();
}

function frame() {
  const { version, groups, store, callbacks, warnings } = router.snapshot();
  const lines = [
    `llmrouter ${version}  ${time(Date.now())}  ${seen.calls} calls, ${seen.failed} failed, ${dollars(seen.cost)} spent`,
    '',
    `  ${COLUMNS.map(([name, width]) => name.padEnd(width)).join('')}`.trimEnd(),
  ];
  for (const { name, state, deployments } of groups) lines.push(state ? `${name} (${short(state)})` : name, ...deployments.map(row));
  if (store) lines.push('', `store ${store.engine}: ${store.state}, ${store.processes} processes`);
  if (callbacks) lines.push('', 'callbacks', ...[callbacks].flat().map((one) => `  ${short(one)}`));
  for (const { message } of warnings) lines.push(`warning: ${message}`);
  return [...lines, '', 'last events', ...seen.last.map(last), ''];
}

const last = ({ at, what, times }) => `  ${at}  ${what}${times > 1 ? ` (${times} times)` : ''}`;

function show() {
  // Home, each line over the one that stood there, and nothing below.
  if (isTerminal) process.stdout.write(`\x1b[H${frame().map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
  else console.log(frame().join('\n'));
}

const MODELS = ['gpt-4', 'gpt-4', 'gpt-4', 'gpt-4-turbo', 'gpt-4o-mini', 'gpt-4o-mini'];
// The listener hears of what fails.
const ask = (model) => router.completion({ model, messages: [{ role: 'user', content: 'Hi' }] }).catch(() => {});

if (once) {
  // A few one after the other, then many at once.
  for (const model of MODELS) await ask(model);
  await Promise.all(Array.from({ length: 60 - MODELS.length }, (_, number) => ask(MODELS[number % MODELS.length])));
  // Events come a moment later.
  while (seen.calls < 60) await sleep(1);
  show();
} else {
  let goesOn = true;
  process.once('SIGINT', () => (goesOn = false));
  if (isTerminal) process.stdout.write('\x1b[2J\x1b[?25l');
  while (goesOn) {
    for (let number = 0; number < 5 && goesOn; number++) {
      void ask(MODELS[Math.floor(Math.random() * MODELS.length)]);
      await sleep(Math.random() * (isTerminal ? 100 : 400));
    }
    show();
  }
  if (isTerminal) process.stdout.write('\x1b[?25h');
}
await router.close();
