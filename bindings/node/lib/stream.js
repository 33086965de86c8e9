'use strict';

const { inspect } = require('node:util');
const { ReadableStream } = require('node:stream/web');
const { onAbort } = require('./abort.js');
const { Accumulator } = require('./accumulate.js');
const { classes, errorOf } = require('./errors.js');
const native = require('./native.js');

const { CancelledError, InvalidArgumentError } = classes;

/**
 * @typedef {import('../index').AbortSignalLike} Signal
 * @typedef {import('../types/chunk').ChatChunk} Chunk
 * @typedef {import('../types/metadata').StreamMetadata} Metadata
 */

/** What has come is taken over at once, up to so many chunks. */
const BATCH = 64;

/**
 * Streams that nobody holds any more: their signals let them go.
 *
 * @type {FinalizationRegistry<() => void>}
 */
const abandoned = new FinalizationRegistry((forget) => forget());

class ChatStream {
  #handle;
  /** @type {Chunk[]} What was taken over and not yet read. */
  #ahead = [];
  #read = 0;
  #text = '';
  #whole = new Accumulator();
  /** @type {Promise<void> | undefined} */
  #reading;
  /** @type {{ error?: unknown } | undefined} How it ends for its reader, behind what is ahead. */
  #end;
  /** @type {string | undefined} Set when the native stream has ended and is freed. */
  #last;
  /** @type {{ of: string, value: Metadata } | undefined} */
  #metadata;
  /** @type {Promise<void> | undefined} */
  #closed;
  /** @type {(() => void) | undefined} */
  #forget;

  /**
   * @param {import('./native.js').StreamHandle} handle
   * @param {Signal} [signal]
   */
  constructor(handle, signal) {
    this.#handle = handle;
    if (signal === undefined) return;
    // A signal may live for long: it must not hold a stream that nobody reads.
    const weak = new WeakRef(this);
    this.#forget = onAbort(signal, () => weak.deref()?.cancel(signal.reason));
    abandoned.register(this, this.#forget, this);
  }

  get metadata() {
    const json = this.#last ?? native.streamMetadata(this.#handle);
    if (this.#metadata?.of !== json) this.#metadata = { of: json, value: JSON.parse(json) };
    return /** @type {{ value: Metadata }} */ (this.#metadata).value;
  }

  get text() {
    return this.#text;
  }

  get currentChatCompletionSnapshot() {
    return this.#whole.isEmpty ? undefined : this.#whole.completion();
  }

  async finalChatCompletion() {
    while ((await this.#next()) !== undefined);
    const whole = this.#whole.completion();
    if (!this.metadata.usage_estimated) whole.usage ??= this.metadata.usage;
    return whole;
  }

  async finalMessage() {
    const [first] = (await this.finalChatCompletion()).choices;
    return first?.message ?? { role: /** @type {const} */ ('assistant'), content: '' };
  }

  async finalContent() {
    const { content } = await this.finalMessage();
    return typeof content === 'string' ? content : null;
  }

  async totalUsage() {
    await this.finalChatCompletion();
    return this.metadata.usage;
  }

  /** @param {unknown} [reason] */
  cancel(reason) {
    void this.#close(reason);
  }

  close() {
    return this.#close(undefined);
  }

  toReadableStream() {
    const pull = async (/** @type {import('node:stream/web').ReadableStreamDefaultController<Chunk>} */ controller) => {
      const chunk = await this.#next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    };
    /** @param {unknown} reason */
    const cancel = (reason) => this.#close(reason);
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  /** @returns {AsyncIterableIterator<Chunk>} */
  [Symbol.asyncIterator]() {
    let left = false;
    const next = async () => {
      const value = left ? undefined : await this.#next();
      return value === undefined ? { done: /** @type {const} */ (true), value } : { done: false, value };
    };
    // At once, even while a read waits: a generator would let it wait for the next chunk.
    const leave = async () => {
      left = true;
      await this.close();
      return { done: /** @type {const} */ (true), value: undefined };
    };
    return { next, return: leave, [Symbol.asyncIterator]() { return this; } };
  }

  /**
   * @param {number} _depth
   * @param {import('node:util').InspectOptions} options
   */
  [inspect.custom](_depth, options) {
    return `ChatStream ${inspect({ text: this.text, metadata: this.metadata }, options)}`;
  }

  /** The next chunk; undefined at the end, however often it is asked for. */
  async #next() {
    while (this.#read === this.#ahead.length) {
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return undefined;
      }
      await this.#fetch();
    }
    const chunk = /** @type {Chunk} */ (this.#ahead[this.#read++]);
    this.#text += textOf(chunk);
    this.#whole.add(chunk);
    return chunk;
  }

  /** One read for all who wait: the library allows one at a time. */
  #fetch() {
    return (this.#reading ??= this.#batch().finally(() => (this.#reading = undefined)));
  }

  async #batch() {
    try {
      const json = await native.nextChunks(this.#handle, BATCH);
      if (json === null) this.#finish({});
      else if (this.#end === undefined) [this.#ahead, this.#read] = [JSON.parse(json || '[]'), 0];
    } catch (thrown) {
      this.#finish({ error: errorOf(thrown) });
    }
  }

  /**
   * The native stream is over: what it has to say is kept, the rest of it goes.
   *
   * @param {{ error?: unknown }} end
   */
  #finish(end) {
    this.#end ??= end;
    this.#last = native.streamMetadata(this.#handle);
    native.freeStream(this.#handle);
    this.#forget?.();
    abandoned.unregister(this);
  }

  /** @param {unknown} reason */
  #close(reason) {
    return (this.#closed ??= this.#leave(reason));
  }

  /** @param {unknown} cause */
  async #leave(cause) {
    if (this.#last !== undefined) return;
    this.#end = { error: new CancelledError('the stream was cancelled', undefined, cause === undefined ? {} : { cause }) };
    [this.#ahead, this.#read] = [[], 0];
    native.cancelStream(this.#handle);
    // Read to its end, which is near, so that the metadata is whole.
    while (this.#last === undefined) await this.#fetch();
  }
}

if (Symbol.asyncDispose) {
  /** @this {ChatStream} */
  const dispose = function () {
    return this.close();
  };
  Object.defineProperty(ChatStream.prototype, Symbol.asyncDispose, { value: dispose, writable: true, configurable: true });
}

/**
 * What a chunk adds to the first choice's text.
 *
 * @param {Chunk} chunk
 */
function textOf(chunk) {
  const choice = chunk.choices?.find(({ index }) => index === 0);
  return typeof choice?.delta?.content === 'string' ? choice.delta.content : '';
}

/**
 * Opens a stream: resolves with its first content.
 *
 * @param {import('./native.js').RouterHandle} router
 * @param {string | Uint8Array} json
 * @param {import('../index').CallOptions} [options]
 */
async function openStream(router, json, options) {
  const signal = options?.signal;
  if (signal !== undefined && signal !== null) return openUnless(signal, router, json);
  try {
    return new ChatStream(await native.openStream(router, json));
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

/**
 * The same with a signal that ends the opening, and then the stream.
 *
 * @param {Signal} signal
 * @param {import('./native.js').RouterHandle} router
 * @param {string | Uint8Array} json
 */
async function openUnless(signal, router, json) {
  if (typeof signal?.addEventListener !== 'function') throw new InvalidArgumentError('the signal is no AbortSignal');
  if (signal.aborted) {
    throw new CancelledError('the call was cancelled before it began', undefined, { cause: signal.reason });
  }
  const number = new BigUint64Array(1);
  const opened = native.openStream(router, json, number);
  const forget = onAbort(signal, () => native.cancel(router, number[0] ?? 0n));
  try {
    const stream = new ChatStream(await opened, signal);
    // Aborted while it was on its way here: its first read says so.
    if (signal.aborted) stream.cancel(signal.reason);
    return stream;
  } catch (thrown) {
    const error = errorOf(thrown);
    if (error instanceof CancelledError) error.cause = signal.reason;
    throw error;
  } finally {
    forget();
  }
}

module.exports = { ChatStream, openStream };
