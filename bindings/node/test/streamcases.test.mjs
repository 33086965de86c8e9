// The table of streams that every language runs: each row on each wire, read in each way that there is here.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Router } from 'llmrouter';
import { checkError, checkKnown } from './support/expect.mjs';
import { startProvider } from './support/provider.mjs';
import { inRepository } from './support/repository.mjs';

const table = JSON.parse(readFileSync(inRepository('tests/bindings/streams.json'), 'utf8'));

const WAYS = {
  'for await': (stream) => stream,
  'web stream': (stream) => stream.toReadableStream(),
};

/** The text with the wire's parts, and the provider's address, in their places. */
const filled = (text, parts) => text.replaceAll(/\{\{(\w+)\}\}/g, (place, name) => parts[name] ?? assert.fail(`no ${place}`));

/** The same within the texts of a JSON document. */
function filledWithin(value, parts) {
  if (typeof value === 'string') return filled(value, parts);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one) => filledWithin(one, parts));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filledWithin(one, parts)]));
}

/** Reads to the end: the chunks that came, and the error if there was one. */
async function drain(chunks) {
  const read = [];
  try {
    for await (const chunk of chunks) read.push(chunk);
  } catch (error) {
    return { read, error };
  }
  return { read };
}

const pieces = (chunks) => chunks.map(({ choices }) => choices[0]?.delta.content).filter((piece) => piece);

/** Who was tried, and how each ended. */
const tried = ({ attempts }) => attempts.map(({ deployment, error }) => [deployment, error]);

/** One clean stream of `from`, with nothing else in it. */
function checkWhole({ read, error }, expected, from) {
  assert.equal(error, undefined);
  assert.deepEqual(pieces(read), expected);
  const first = read[0];
  assert.equal(first.choices[0].delta.role, 'assistant');
  assert.equal(read.filter(({ choices }) => choices[0].delta.role).length, 1);
  for (const { id, object } of read) {
    assert.equal(object, 'chat.completion.chunk');
    assert.ok(id === first.id && id.includes(from), `a chunk of ${id}`);
  }
  assert.ok(read.filter(({ choices }) => choices[0].finish_reason).length <= 1);
}

async function failsBefore(row, wire, { open, read }) {
  const error = { ...row.error, provider: wire.wire, deployment: 'first', attempts: 1 };
  await assert.rejects(open(table.alone), (thrown) => (checkError(thrown, error), true));

  const stream = await open(table.beside);
  checkWhole(await drain(read(stream)), table.clean, 'second');
  const { metadata } = stream;
  assert.deepEqual(tried(metadata), [['first', row.error.class], ['second', null]]);
  assert.deepEqual([metadata.deployment, metadata.provider, metadata.fallbacks], ['second', wire.other, 0]);
  assert.deepEqual([metadata.usage.total_tokens, metadata.usage_estimated], [30, undefined]);
}

async function failsAfter(row, wire, { open, read }) {
  const expected = { ...row.error, provider: wire.wire, deployment: 'first', attempts: 1 };
  const stream = await open(table.beside);
  const outcome = await drain(read(stream));
  assert.deepEqual(pieces(outcome.read), table.begun);
  assert.equal(stream.text, table.begun.join(''));
  checkError(outcome.error, expected);
  const again = await drain(stream);
  assert.deepEqual(again.read, [], 'nothing behind the error');
  assert.equal(again.error, outcome.error, 'the end stays');
  assert.deepEqual(tried(stream.metadata), [['first', row.error.class]]);
  assert.equal(stream.metadata.usage_estimated, true);
}

async function succeeds(_row, wire, { open, read }) {
  const stream = await open(table.beside);
  checkWhole(await drain(read(stream)), table.begun, wire.wire === 'openai' ? 'chatcmpl-first' : 'msg_first');
  assert.deepEqual(await drain(stream), { read: [] }, 'the end stays');
  assert.deepEqual(tried(stream.metadata), [['first', null]]);
  assert.ok(stream.metadata.usage);
}

describe('streams.json', () => {
  let provider;
  before(async () => (provider = await startProvider()));
  after(() => provider.close());

  async function run(row, wire, read, check) {
    checkKnown('row', ['name', 'reply', 'error'], row);
    await provider.play({ paths: { '/first': [filledWithin(row.reply, wire)] } });
    const routers = [];
    const open = (config) => {
      const router = Router.fromYaml(filled(config, { ...wire, provider: provider.url }));
      routers.push(router);
      return router.stream(table.request);
    };
    const start = performance.now();
    try {
      await check(row, wire, { open, read });
    } finally {
      await Promise.all(routers.map((router) => router.close()));
    }
    const took = performance.now() - start;
    assert.ok(took <= table.within_ms, `took ${took.toFixed()} ms`);
  }

  for (const [when, check] of Object.entries({ before: failsBefore, after: failsAfter, whole: succeeds })) {
    assert.ok(table[when].length > 3);
    for (const row of table[when]) {
      for (const wire of table.wires) {
        for (const [way, read] of Object.entries(WAYS)) {
          test(`${when}: ${row.name}, ${wire.wire}, ${way}`, () => run(row, wire, read, check));
        }
      }
    }
  }
});
