'use strict';

/**
 * The listener's fault is the program's to see, and costs neither what else it would hear nor calls that have ended.
 *
 * @template Heard
 * @param {(heard: Heard) => void} listener
 * @returns {(heard: Heard) => void}
 */
function guarded(listener) {
  return (heard) => {
    try {
      listener(heard);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  };
}

module.exports = { guarded };
