'use strict';

const { onAbort } = require('./abort.js');
const { classes, errorOf } = require('./errors.js');
const native = require('./native.js');
const { Response } = require('./response.js');

const { CancelledError, InvalidArgumentError } = classes;

/**
 * One completion. Errors are made here, after the `await`, so that their stack names who was waiting.
 *
 * @param {import('./native.js').RouterHandle} router
 * @param {string | Uint8Array} json
 * @param {import('../index').CallOptions} [options]
 */
async function complete(router, json, options) {
  const signal = options?.signal;
  if (signal !== undefined && signal !== null) return completeUnless(signal, router, json);
  try {
    return new Response(await native.start(router, json));
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

/**
 * One completion that a signal can end.
 *
 * @param {import('../index').AbortSignalLike} signal
 * @param {import('./native.js').RouterHandle} router
 * @param {string | Uint8Array} json
 */
async function completeUnless(signal, router, json) {
  if (typeof signal?.addEventListener !== 'function') throw new InvalidArgumentError('the signal is no AbortSignal');
  if (signal.aborted) {
    throw new CancelledError('the call was cancelled before it began', undefined, { cause: signal.reason });
  }
  const number = new BigUint64Array(1);
  const answer = native.start(router, json, number);
  const forget = onAbort(signal, () => native.cancel(router, number[0] ?? 0n));
  try {
    return new Response(await answer);
  } catch (thrown) {
    const error = errorOf(thrown);
    if (error instanceof CancelledError) error.cause = signal.reason;
    throw error;
  } finally {
    forget();
  }
}

module.exports = { complete };
