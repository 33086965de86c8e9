'use strict';

const { fileURLToPath } = require('node:url');
const native = require('./native.js');
const { call } = require('./call.js');
const { classes, errorOf } = require('./errors.js');
const { guarded } = require('./listen.js');
const { checkRaw, encode, questionOf } = require('./request.js');
const { Answer, EmbeddingResponse, Response } = require('./response.js');
const { toChatStream, toEventStream } = require('./stream.js');

const { InvalidArgumentError, ShutDownError } = classes;

/** @typedef {import('./native.js').RouterHandle} RouterHandle */

// Only this file can make a router of a handle.
const MAKING = Symbol('making');
const MOST_MS = 0xffffffff;

/**
 * @param {unknown} text
 * @param {string} what
 */
function checkText(text, what) {
  if (typeof text === 'string') return text;
  throw new InvalidArgumentError(`the ${what} is no string but ${typeof text}`);
}

/**
 * @param {(text: string) => RouterHandle} maker
 * @param {unknown} text
 * @param {string} what
 */
function make(maker, text, what) {
  try {
    return new Router(MAKING, maker(checkText(text, what)));
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

const CHAT = '/chat/completions';
const EMBEDDINGS = '/embeddings';

/** @param {import('./native.js').AnswerHandle} handle */
const toResponse = (handle) => new Response(handle);
/** @param {import('./native.js').AnswerHandle} handle */
const toEmbeddings = (handle) => new EmbeddingResponse(handle);
/** @param {import('./native.js').AnswerHandle} handle */
const toAnswer = (handle) => new Answer(handle);

class Router {
  #handle;
  /** @type {Promise<void> | undefined} */
  #closed;
  /**
   * Whom the events go to. One that takes the place of another one hears what waits for that; after null nobody does.
   * @type {{ hear: (event: any) => void } | undefined}
   */
  #hearing;

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

  /** @param {string} text */
  reload(text) {
    const yaml = checkText(text, 'configuration');
    const router = this.#open();
    try {
      native.reload(router, yaml);
    } catch (thrown) {
      throw errorOf(thrown);
    }
  }

  /**
   * @param {import('../types/request').CompletionRequest} request
   * @param {import('../index').CallOptions} [options]
   */
  async completion(request, options) {
    return this.#ask({ path: CHAT, json: encode(request) }, options, toResponse);
  }

  /**
   * @param {string | Uint8Array} json
   * @param {import('../index').CallOptions} [options]
   */
  async completionRaw(json, options) {
    checkRaw(json);
    return this.#ask({ path: CHAT, json }, options, toResponse);
  }

  /**
   * @param {import('../types/request').StreamRequest} request
   * @param {import('../index').CallOptions} [options]
   */
  async stream(request, options) {
    return this.#stream({ path: CHAT, json: encode(request) }, options, toChatStream);
  }

  /**
   * @param {string | Uint8Array} json
   * @param {import('../index').CallOptions} [options]
   */
  async streamRaw(json, options) {
    checkRaw(json);
    return this.#stream({ path: CHAT, json }, options, toChatStream);
  }

  /**
   * @param {import('../types/verbs').EmbeddingRequest} request
   * @param {import('../index').CallOptions} [options]
   */
  async embedding(request, options) {
    return this.#ask({ path: EMBEDDINGS, json: encode(request) }, options, toEmbeddings);
  }

  /**
   * @param {string | Uint8Array} json
   * @param {import('../index').CallOptions} [options]
   */
  async embeddingRaw(json, options) {
    checkRaw(json);
    return this.#ask({ path: EMBEDDINGS, json }, options, toEmbeddings);
  }

  /**
   * @param {string} path
   * @param {import('../types/verbs').VerbRequest | string | Uint8Array} request
   * @param {import('../index').CallOptions} [options]
   */
  async request(path, request, options) {
    return this.#ask(questionOf(path, request), options, toAnswer);
  }

  /**
   * @param {string} path
   * @param {import('../types/verbs').VerbRequest | string | Uint8Array} request
   * @param {import('../index').CallOptions} [options]
   */
  async requestStream(path, request, options) {
    return this.#stream(questionOf(path, request), options, toEventStream);
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

  /** @param {((event: import('../types/event').RouterEvent) => void) | null} listener */
  setEventListener(listener) {
    const router = this.#open();
    if (listener === null) {
      if (this.#hearing !== undefined) this.#hearing.hear = () => {};
      this.#hearing = undefined;
      native.setEventListener(router);
      return;
    }
    if (typeof listener !== 'function') throw new InvalidArgumentError('the event listener is no function');
    const hear = guarded(listener);
    if (this.#hearing !== undefined) {
      this.#hearing.hear = hear;
      return;
    }
    const hearing = (this.#hearing = { hear });
    native.setEventListener(router, (texts) => {
      for (const text of texts) hearing.hear(JSON.parse(text));
    });
  }

  metrics() {
    return native.metrics(this.#open()) ?? '';
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
    return (this.#closed ??= native.close(this.#handle).then(() => (this.#hearing = undefined)));
  }

  /**
   * @template Value
   * @param {import('./call.js').Question} question
   * @param {import('../index').CallOptions | undefined} options
   * @param {(handle: import('./native.js').AnswerHandle) => Value} adopt
   */
  #ask(question, options, adopt) {
    return call(native.start, this.#open(), question, options, adopt);
  }

  /**
   * @template Value
   * @param {import('./call.js').Question} question
   * @param {import('../index').CallOptions | undefined} options
   * @param {(handle: import('./native.js').StreamHandle, signal?: import('../index').AbortSignalLike) => Value} adopt
   */
  #stream(question, options, adopt) {
    return call(native.openStream, this.#open(), question, options, adopt);
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
