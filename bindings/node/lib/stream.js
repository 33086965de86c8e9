'use strict';

const { inspect } = require('node:util');
const { ReadableStream } = require('node:stream/web');
const { onAbort } = require('./abort.js');
const { Accumulator } = require('./accumulate.js');
const { classes, errorOf } = require('./errors.js');
const native = require('./native.js');

const { CancelledError } = classes;

/**
 * @typedef {import('../index').AbortSignalLike} Signal
 * @typedef {import('../types/stream').StreamEvent} Event
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

/** A stream of any verb: of events, or of chunks. */
class EventStream {
  #handle;
  /** @type {Event[]} What was taken over and not yet read. */
  #ahead = [];
  #read = 0;
  #text = '';
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

  /** @param {unknown} [reason] */
  cancel(reason) {
    void this.#close(reason);
  }

  close() {
    return this.#close(undefined);
  }

  toReadableStream() {
    const pull = async (/** @type {import('node:stream/web').ReadableStreamDefaultController<Event>} */ controller) => {
      const chunk = await this.#next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    };
    /** @param {unknown} reason */
    const cancel = (reason) => this.#close(reason);
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  /** @returns {AsyncIterableIterator<Event>} */
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
    return `${this.constructor.name} ${inspect({ text: this.text, metadata: this.metadata }, options)}`;
  }

  /**
   * What was given to the reader.
   *
   * @protected
   * @param {Event} _event
   */
  _seen(_event) {}

  /** The next chunk; undefined at the end, however often it is asked for. */
  async #next() {
    while (this.#read === this.#ahead.length) {
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return undefined;
      }
      await this.#fetch();
    }
    const chunk = /** @type {Event} */ (this.#ahead[this.#read++]);
    this.#text += textOf(chunk);
    this._seen(chunk);
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
  /** @this {EventStream} */
  const dispose = function () {
    return this.close();
  };
  Object.defineProperty(EventStream.prototype, Symbol.asyncDispose, { value: dispose, writable: true, configurable: true });
}

/** A chat completion, which is put together again from its chunks. */
class ChatStream extends EventStream {
  #whole = new Accumulator();

  /**
   * @protected
   * @param {Event} chunk
   */
  _seen(chunk) {
    this.#whole.add(/** @type {import('../types/chunk').ChatChunk} */ (/** @type {unknown} */ (chunk)));
  }

  get currentChatCompletionSnapshot() {
    return this.#whole.isEmpty ? undefined : this.#whole.completion();
  }

  async finalChatCompletion() {
    // Behind the end there is nothing to leave early.
    for await (const _ of this);
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
}

/**
 * What a chunk adds to the first choice's text, or an event to that of a response.
 *
 * @param {Event} event
 */
function textOf({ type, delta, choices }) {
  if (type === 'response.output_text.delta') return typeof delta === 'string' ? delta : '';
  const choice = Array.isArray(choices) ? choices.find(({ index }) => index === 0) : undefined;
  const text = choice?.delta?.content ?? choice?.text;
  return typeof text === 'string' ? text : '';
}

/**
 * @template {EventStream} Stream
 * @param {Stream} stream
 * @param {Signal} [signal]
 */
function opened(stream, signal) {
  // Aborted while it was on its way here: its first read says so.
  if (signal?.aborted) stream.cancel(signal.reason);
  return stream;
}

/**
 * @param {import('./native.js').StreamHandle} handle
 * @param {Signal} [signal]
 */
const toChatStream = (handle, signal) => opened(new ChatStream(handle, signal), signal);

/**
 * @param {import('./native.js').StreamHandle} handle
 * @param {Signal} [signal]
 */
const toEventStream = (handle, signal) => opened(new EventStream(handle, signal), signal);

module.exports = { ChatStream, EventStream, toChatStream, toEventStream };
