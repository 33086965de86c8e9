// Errors as JavaScript sees them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as llmrouter from 'llmrouter';
import { closing, request } from './support/configs.mjs';
import { inRepository } from './support/repository.mjs';

const { RateLimitError, Router, RouterError } = llmrouter;

const failing = (error) => `
model_list:
  - model_name: g
    litellm_params: {model: openai/m, mock_error: ${error}}
    model_info: {id: one}
router_settings: {num_retries: 0}
`;

async function failureOf(t, error) {
  const router = closing(t, Router.fromYaml(failing(error)));
  try {
    await router.completion(request);
  } catch (reason) {
    return reason;
  }
  return assert.fail('no error');
}

test('an error names its class, says all, and shows who waited', async (t) => {
  const error = await failureOf(t, 'RateLimitError');
  assert.ok(error instanceof RateLimitError && error instanceof RouterError && error instanceof Error);
  assert.equal(Object.prototype.toString.call(error), '[object Error]');
  assert.match(error.stack, /^RateLimitError: openai: answered 429/);
  assert.match(error.stack, /at async failureOf .*errors\.test\.mjs/);
  assert.equal(error.attempts[0].error, 'RateLimitError');
  assert.equal(error.model, 'm');
  assert.match(inspect(error), /deployment: 'one'/);
  assert.ok(!Object.keys(error).includes('name'));
});

test('every status has a class, and those with the class of another keep their code', async (t) => {
  const expected = { 402: 'APIError', 409: 'APIError', 413: 'BadRequestError', 424: 'BadRequestError', 507: 'APIError', 529: 'InternalServerError' };
  for (const [status, type] of Object.entries(expected)) {
    const error = await failureOf(t, status);
    assert.deepEqual([error.constructor, error.type, error.code], [llmrouter[type], type, Number(status)]);
  }
});

test('bad requests are caught as such, whatever they are more', async (t) => {
  for (const type of ['ContextWindowExceededError', 'ContentPolicyViolationError']) {
    const error = await failureOf(t, type);
    assert.ok(error instanceof llmrouter[type] && error instanceof llmrouter.BadRequestError, error.stack);
  }
});

test('a program may make errors itself, for its own tests', () => {
  const error = new RateLimitError('slow down', { retryAfterMs: 7 }, { cause: 'c' });
  const { name, type, code, status, retryAfterMs, attempts, cause, message } = error;
  assert.deepEqual(
    { name, type, code, status, retryAfterMs, attempts, cause, message },
    { name: 'RateLimitError', type: 'RateLimitError', code: 429, status: null, retryAfterMs: 7, attempts: [], cause: 'c', message: 'slow down' },
  );
});

test("the classes and their numbers are the header's", () => {
  const header = readFileSync(inRepository('include/llmrouter.h'), 'utf8');
  const numbers = [...header.matchAll(/^ {4}ROUTER_ERROR_\w+ = (\d+),/gm)].map(([, number]) => Number(number));
  const classes = Object.values(llmrouter).filter((value) => value?.prototype instanceof RouterError && value.code !== 0);
  const sort = (list) => list.toSorted((a, b) => a - b);
  assert.deepEqual(sort(classes.map(({ code }) => code)), sort(numbers));
});
