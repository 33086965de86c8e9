'use strict';

/** @param {number} version */
const split = (version) => ({ major: version >>> 16, minor: version & 0xffff });

/**
 * Refuses a library that can't serve what was compiled for `header`: another major, or a minor that is less.
 *
 * @param {number} library the library's ABI, major << 16 | minor
 * @param {number} header the one that the addon was compiled for
 */
function checkAbi(library, header) {
  const [has, needs] = [split(library), split(header)];
  if (has.major === needs.major && has.minor >= needs.minor) return;
  const text = `the library has ABI ${has.major}.${has.minor}, the addon needs ${needs.major}.${needs.minor}`;
  throw new Error(`llmrouter: ${text}; build the addon anew`);
}

module.exports = { checkAbi };
