// The table of cases that every language runs, with equal outcomes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'llmrouter';
import { checkError, checkKnown } from './support/expect.mjs';
import { deadUrl, startProvider } from './support/provider.mjs';
import { inRepository } from './support/repository.mjs';

const { cases } = JSON.parse(readFileSync(inRepository('tests/bindings/cases.json'), 'utf8'));

// A member that this runner does not know would go untested.
const KNOWN = {
  case: ['name', 'config', 'script', 'path', 'request', 'raw', 'warm_up', 'before', 'stream', 'cancel', 'close', 'in_flight', 'within_ms', 'expect', 'new_fails', 'explain'],
  expect: ['text', 'metadata', 'attempts', 'content_type', 'body', 'error', 'plan'],
};

/** The members that are wanted, at every depth; of a text that ends in "…", how it begins. */
function fits(is, wanted) {
  if (Array.isArray(wanted)) return is?.length === wanted.length && wanted.every((one, i) => fits(is[i], one));
  if (wanted !== null && typeof wanted === 'object') return Object.keys(wanted).every((name) => fits(is?.[name], wanted[name]));
  if (typeof wanted === 'string' && wanted.endsWith('…')) return typeof is === 'string' && is.startsWith(wanted.slice(0, -1));
  return is === wanted;
}

const checkPlan = (plan, wanted) => assert.ok(fits(plan, wanted), `the plan is ${JSON.stringify(plan)}`);

function checkAnswer(answer, { text, metadata = {}, attempts, content_type, body, plan }) {
  assert.equal(answer.metadata.explain !== undefined, plan !== undefined);
  if (plan !== undefined) checkPlan(answer.metadata.explain, plan);
  if (text !== undefined) assert.equal(answer.text, text);
  for (const [name, value] of Object.entries(metadata)) {
    assert.ok(fits(answer.metadata[name], value), `${name} is ${JSON.stringify(answer.metadata[name])}`);
  }
  if (attempts !== undefined) assert.equal(answer.metadata.attempts.length, attempts);
  if (content_type !== undefined) assert.equal(answer.contentType, content_type);
  const data = Buffer.isBuffer(answer.data) ? answer.data.toString('base64') : answer.data;
  if (body !== undefined) assert.ok(fits(data, body), `the body is ${JSON.stringify(data)}`);
}

/** A stream as the answer that it makes. */
async function wholeOf(stream) {
  const data = await stream.finalChatCompletion();
  return { data, text: stream.text, metadata: stream.metadata };
}

function runExplain({ request, expect }, router) {
  if (expect.error) {
    assert.throws(() => router.explain(request), (error) => (checkError(error, expect.error), true));
    return;
  }
  const plan = router.explain(request);
  checkPlan(plan, expect.plan);
  const raw = JSON.stringify(request);
  checkPlan(router.explainRaw(raw), expect.plan);
  checkPlan(router.explainRaw(Buffer.from(raw)), expect.plan);
}

async function runCase(entry, router) {
  const controller = entry.cancel ? new AbortController() : undefined;
  const options = controller && { signal: controller.signal };
  const call = async (request, stream) => {
    if (stream) return wholeOf(await router.stream(request, options));
    if (entry.path !== undefined) return router.request(entry.path, request, options);
    return entry.raw === undefined ? router.completion(request, options) : router.completionRaw(entry.raw, options);
  };

  const before = [...Array(entry.warm_up ?? 0).fill(entry.request), ...(entry.before ?? [])];
  for (const { stream, ...request } of before) await call(request, stream).catch(() => {});
  if (entry.explain) {
    runExplain(entry, router);
    return;
  }
  if (entry.cancel === 'before') controller.abort();
  if (entry.close === 'before') await router.close();
  const start = performance.now();
  const outcomes = Promise.allSettled(Array.from({ length: entry.in_flight ?? 1 }, () => call(entry.request, entry.stream)));
  if (entry.cancel === 'during' || entry.close === 'during') await sleep(100);
  if (entry.cancel === 'during') controller.abort();
  if (entry.close === 'during') await router.close();
  for (const { value, reason } of await outcomes) {
    if (entry.cancel === 'after') controller.abort();
    if (entry.expect.error) {
      checkError(reason, entry.expect.error);
    } else {
      assert.equal(reason, undefined);
      checkAnswer(value, entry.expect);
    }
  }
  const took = performance.now() - start;
  assert.ok(took <= (entry.within_ms ?? 10_000), `took ${took.toFixed()} ms`);
}

describe('cases.json', () => {
  let provider, dead;
  before(async () => {
    [provider, dead] = [await startProvider(), await deadUrl()];
  });
  after(() => provider.close());

  for (const entry of cases) {
    test(entry.name, async () => {
      checkKnown('case', KNOWN.case, entry);
      checkKnown('expect', KNOWN.expect, entry.expect);
      const config = entry.config.replaceAll('{{provider}}', provider.url).replaceAll('{{dead}}', dead);
      await provider.play(entry.script);
      if (entry.new_fails) {
        assert.throws(() => Router.fromYaml(config), (error) => (checkError(error, entry.new_fails), true));
        return;
      }
      const router = Router.fromYaml(config);
      try {
        await runCase(entry, router);
      } finally {
        await router.close();
      }
    });
  }
});
