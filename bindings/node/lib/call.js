'use strict';

const { onAbort } = require('./abort.js');
const { classes, errorOf } = require('./errors.js');
const native = require('./native.js');

const { CancelledError, InvalidArgumentError } = classes;

/**
 * @typedef {import('../index').AbortSignalLike} Signal
 * @typedef {import('./native.js').RouterHandle} RouterHandle
 */

/**
 * What is asked: the verb, by its path, and its request.
 *
 * @typedef {{ path: string, json: string | Uint8Array }} Question
 */

/**
 * Starts a call, and makes of its handle what the program gets. Errors are made here, after the `await`, so that their
 * stack names who was waiting.
 *
 * @template Handle, Value
 * @param {import('./native.js').Start<Handle>} start
 * @param {RouterHandle} router
 * @param {Question} question
 * @param {import('../index').CallOptions | undefined} options
 * @param {(handle: Handle, signal?: Signal) => Value} adopt
 */
async function call(start, router, { path, json }, options, adopt) {
  const signal = options?.signal;
  if (signal !== undefined && signal !== null) return callUnless(signal, start, router, { path, json }, adopt);
  try {
    return adopt(await start(router, path, json));
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

/**
 * The same with a signal that can end it.
 *
 * @template Handle, Value
 * @param {Signal} signal
 * @param {import('./native.js').Start<Handle>} start
 * @param {RouterHandle} router
 * @param {Question} question
 * @param {(handle: Handle, signal?: Signal) => Value} adopt
 */
async function callUnless(signal, start, router, { path, json }, adopt) {
  if (typeof signal?.addEventListener !== 'function') throw new InvalidArgumentError('the signal is no AbortSignal');
  if (signal.aborted) {
    throw new CancelledError('the call was cancelled before it began', undefined, { cause: signal.reason });
  }
  const number = new BigUint64Array(1);
  const started = start(router, path, json, number);
  const forget = onAbort(signal, () => native.cancel(router, number[0] ?? 0n));
  try {
    return adopt(await started, signal);
  } catch (thrown) {
    const error = errorOf(thrown);
    if (error instanceof CancelledError) error.cause = signal.reason;
    throw error;
  } finally {
    forget();
  }
}

module.exports = { call };
