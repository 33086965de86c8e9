'use strict';

/**
 * The addon. What crosses it: JSON text, bytes, numbers, and externals that own a router, an answer or a stream. Whatever
 * fails throws or rejects with a {@link Failure}, of which lib/errors.js makes an error.
 *
 * @typedef {{ readonly router: unique symbol }} RouterHandle
 * @typedef {{ readonly answer: unique symbol }} AnswerHandle
 * @typedef {{ readonly stream: unique symbol }} StreamHandle
 * @typedef {{ code: number, name: string, json: string, retryAfterMs: number | null }} Failure
 */

/**
 * @template Handle
 * @typedef {(router: RouterHandle, path: string, json: string | Uint8Array, number?: BigUint64Array) => Promise<Handle>} Start
 */

/**
 * @typedef {object} Native
 * @property {string} version the library's version
 * @property {number} abiVersion the ABI that the library has: major << 16 | minor
 * @property {number} headerAbiVersion the ABI that the addon was compiled for
 * @property {(yaml: string) => RouterHandle} fromYaml
 * @property {(path: string) => RouterHandle} fromFile
 * @property {(router: RouterHandle, yaml: string) => void} reload
 * @property {Start<AnswerHandle>} start starts a call of the verb that `path` names; writes its number into the only
 *   element of `number`
 * @property {(router: RouterHandle, number: bigint) => void} cancel
 * @property {(router: RouterHandle, json: string | Uint8Array) => string} explain
 * @property {(router: RouterHandle) => string | null} snapshot
 * @property {(router: RouterHandle) => string | null} metrics
 * @property {(router: RouterHandle, drainMs: number) => Promise<boolean>} shutdown
 * @property {(router: RouterHandle) => Promise<boolean>} close
 * @property {(answer: AnswerHandle) => string} body of an answer that is JSON
 * @property {(answer: AnswerHandle) => Buffer} bytes
 * @property {(answer: AnswerHandle) => string | null} text
 * @property {(answer: AnswerHandle) => string} metadata
 * @property {Start<StreamHandle>} openStream the same; resolves when the first content is there
 * @property {(stream: StreamHandle, most: number) => Promise<string | null>} nextChunks
 *   a JSON array of what has come, up to `most`, or of the next; null at the end. One at a time
 * @property {(stream: StreamHandle) => string} streamMetadata
 * @property {(stream: StreamHandle) => void} cancelStream
 * @property {(stream: StreamHandle) => void} freeStream afterwards it has neither chunks nor metadata
 * @property {(router: RouterHandle, onEvents?: (texts: string[]) => void) => boolean} setEventListener
 * @property {(level: number, onRecords?: (texts: string[], dropped: number) => void) => void} setLogListener
 */

const { checkAbi } = require('./abi.js');

const platform = `${process.platform}-${process.arch}`;
const path = `../prebuilds/${platform}/llmrouter.node`;

/** @returns {Native} */
function load() {
  try {
    return require(path);
  } catch (cause) {
    const missing = /** @type {NodeJS.ErrnoException} */ (cause).code === 'MODULE_NOT_FOUND';
    const what = missing ? `has no build for ${platform}` : `can't load its build for ${platform}`;
    throw new Error(`llmrouter ${what}; \`node build.mjs\` in the package's sources makes one`, { cause });
  }
}

const native = load();
checkAbi(native.abiVersion, native.headerAbiVersion);

module.exports = native;
