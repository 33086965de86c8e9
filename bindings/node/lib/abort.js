'use strict';

/** @typedef {import('../index').AbortSignalLike} Signal */

/**
 * What to do when a signal aborts. A signal that many calls share gets one listener: from the eleventh on, Node would
 * warn of a leak.
 *
 * @type {WeakMap<Signal, { actions: Set<() => void>, listener: () => void }>}
 */
const shared = new WeakMap();

/** @param {Signal} signal */
function listen(signal) {
  /** @type {Set<() => void>} */
  const actions = new Set();
  const listener = () => actions.forEach((action) => action());
  signal.addEventListener('abort', listener);
  const entry = { actions, listener };
  shared.set(signal, entry);
  return entry;
}

/**
 * Does `action` when `signal` aborts, until the function that it returns is called.
 *
 * @param {Signal} signal
 * @param {() => void} action
 */
function onAbort(signal, action) {
  const { actions, listener } = shared.get(signal) ?? listen(signal);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size > 0) return;
    signal.removeEventListener('abort', listener);
    shared.delete(signal);
  };
}

module.exports = { onAbort };
