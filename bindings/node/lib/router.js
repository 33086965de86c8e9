'use strict';

const { fileURLToPath } = require('node:url');
const native = require('./native.js');
const { complete } = require('./call.js');
const { classes, errorOf } = require('./errors.js');
const { openStream } = require('./stream.js');

const { InvalidArgumentError, ShutDownError } = classes;

/** @typedef {import('./native.js').RouterHandle} RouterHandle */

// Only this file can make a router of a handle.
const MAKING = Symbol('making');
const MOST_MS = 0xffffffff;

/**
 * @param {(text: string) => RouterHandle} maker
 * @param {unknown} text
 * @param {string} what
 */
function make(maker, text, what) {
  if (typeof text !== 'string') throw new InvalidArgumentError(`the ${what} is no string but ${typeof text}`);
  try {
    return new Router(MAKING, maker(text));
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

/** @param {unknown} request */
function encode(request) {
  let json;
  try {
    json = JSON.stringify(request);
  } catch (cause) {
    throw new InvalidArgumentError(`the request can't be written as JSON`, undefined, { cause });
  }
  if (json === undefined) throw new InvalidArgumentError(`the request is no JSON but ${typeof request}`);
  return json;
}

/**
 * @param {unknown} json
 * @returns {asserts json is string | Uint8Array}
 */
function checkRaw(json) {
  if (typeof json === 'string' || json instanceof Uint8Array) return;
  throw new InvalidArgumentError(`the request is no JSON text but ${typeof json}`);
}

class Router {
  #handle;
  /** @type {Promise<void> | undefined} */
  #closed;

  /**
   * @param {symbol} making
   * @param {RouterHandle} handle
   */
  constructor(making, handle) {
    if (making !== MAKING) throw new TypeError('a router is made by Router.fromYaml or Router.fromFile');
    this.#handle = handle;
  }

  /** @param {string} text */
  static fromYaml(text) {
    return make(native.fromYaml, text, 'configuration');
  }

  /** @param {string | { readonly href: string }} path */
  static fromFile(path) {
    const isUrl = typeof path === 'object' && path !== null;
    return make(native.fromFile, isUrl ? fileURLToPath(path.href) : path, 'path');
  }

  /**
   * @param {import('../types/request').CompletionRequest} request
   * @param {import('../index').CallOptions} [options]
   */
  async completion(request, options) {
    return complete(this.#open(), encode(request), options);
  }

  /**
   * @param {string | Uint8Array} json
   * @param {import('../index').CallOptions} [options]
   */
  async completionRaw(json, options) {
    checkRaw(json);
    return complete(this.#open(), json, options);
  }

  /**
   * @param {import('../types/request').StreamRequest} request
   * @param {import('../index').CallOptions} [options]
   */
  async stream(request, options) {
    return openStream(this.#open(), encode(request), options);
  }

  /**
   * @param {string | Uint8Array} json
   * @param {import('../index').CallOptions} [options]
   */
  async streamRaw(json, options) {
    checkRaw(json);
    return openStream(this.#open(), json, options);
  }

  /** @param {import('../types/request').CompletionRequest} request */
  explain(request) {
    return this.#explain(encode(request));
  }

  /** @param {string | Uint8Array} json */
  explainRaw(json) {
    checkRaw(json);
    return this.#explain(json);
  }

  snapshot() {
    const json = native.snapshot(this.#open());
    return /** @type {import('../types/snapshot').Snapshot} */ (JSON.parse(/** @type {string} */ (json)));
  }

  /** @param {number} drainMs */
  async shutdown(drainMs) {
    if (typeof drainMs !== 'number' || !(drainMs >= 0)) {
      throw new InvalidArgumentError(`the time to drain is no number of milliseconds but ${String(drainMs)}`);
    }
    if (this.#closed === undefined) return native.shutdown(this.#handle, Math.min(Math.ceil(drainMs), MOST_MS));
    await this.#closed;
    return true;
  }

  close() {
    return (this.#closed ??= native.close(this.#handle).then(() => undefined));
  }

  /** @param {string | Uint8Array} json */
  #explain(json) {
    const router = this.#open();
    try {
      return /** @type {import('../types/plan').Plan} */ (JSON.parse(native.explain(router, json)));
    } catch (thrown) {
      throw errorOf(thrown);
    }
  }

  #open() {
    if (this.#closed === undefined) return this.#handle;
    throw new ShutDownError('the router was closed');
  }
}

// Node 20's first releases have no such symbol.
if (Symbol.asyncDispose) {
  /** @this {Router} */
  const dispose = function () {
    return this.close();
  };
  Object.defineProperty(Router.prototype, Symbol.asyncDispose, { value: dispose, writable: true, configurable: true });
}

module.exports = { Router };
