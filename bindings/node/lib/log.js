'use strict';

const native = require('./native.js');
const { guarded } = require('./listen.js');
const { InvalidArgumentError } = require('./errors.js').classes;

/** The library's numbers for its levels. */
const LEVELS = new Map([['error', 1], ['warn', 2], ['info', 3], ['debug', 4], ['trace', 5]]);

/**
 * @param {((record: import('../types/log').LogRecord) => void) | null} listener
 * @param {import('../types/log').LogLevel} [level]
 */
function setLogListener(listener, level = 'info') {
  if (listener === null) {
    native.setLogListener(0);
    return;
  }
  const number = LEVELS.get(level);
  if (typeof listener !== 'function') throw new InvalidArgumentError('the log listener is no function');
  if (number === undefined) throw new InvalidArgumentError(`no log level is named ${String(level)}`);

  const hear = guarded(listener);
  native.setLogListener(number, (texts, dropped) => {
    for (const text of texts) hear(JSON.parse(text));
    if (dropped === 0) return;
    const message = `${dropped} log records came while the event loop was busy, and were dropped`;
    hear({ time: Date.now(), level: 'warn', target: 'llmrouter::node', message, dropped });
  });
}

module.exports = { setLogListener };
