// What the tables of cases expect of an error.

import assert from 'node:assert/strict';
import * as llmrouter from 'llmrouter';

const { RouterError } = llmrouter;

const OF_ERRORS = ['code', 'class', 'status', 'retryable', 'provider', 'deployment', 'param', 'provider_code', 'attempts', 'retry_after_ms', 'message_excludes', 'message_contains'];

/** A member that the runner does not know would go untested. */
export function checkKnown(kind, known, object = {}) {
  const unknown = Object.keys(object).filter((name) => !known.includes(name));
  assert.deepEqual(unknown, [], `members of a ${kind} that this runner does not know`);
}

/** The error is what a row of a table says. */
export function checkError(error, expected) {
  assert.ok(error instanceof RouterError, `${error?.stack}`);
  checkKnown('error', OF_ERRORS, expected);
  const { class: type, status, attempts, provider_code, retry_after_ms, message_excludes, message_contains } = expected;
  const { code, retryable, provider = error.provider, deployment = error.deployment, param = error.param } = expected;
  const seen = { type: error.type, name: error.name, code: error.code, status: error.status ?? 0, retryable: error.retryable };
  assert.deepEqual(seen, { type, name: type, code, status, retryable }, error.stack);
  // One that is narrower than those that the package names is of the class of its code.
  assert.equal(error.constructor, llmrouter[type] ?? llmrouter.BadRequestError, 'the class of the error');
  const who = [error.provider, error.deployment, error.param, error.providerCode];
  assert.deepEqual(who, [provider, deployment, param, provider_code ?? error.providerCode]);
  if (attempts !== undefined) assert.equal(error.attempts.length, attempts);
  if (typeof retry_after_ms === 'number') assert.equal(error.retryAfterMs, retry_after_ms);
  if (typeof retry_after_ms === 'object') {
    const { min, max } = retry_after_ms;
    assert.ok(error.retryAfterMs >= min && error.retryAfterMs <= max, `${error.retryAfterMs} is not in ${min}..${max}`);
  }
  if (message_excludes) assert.ok(!error.stack.includes(message_excludes));
  if (message_contains) assert.ok(error.message.includes(message_contains), error.message);
}
