'use strict';

const { inspect } = require('node:util');
const { APIResponseValidationError } = require('./errors.js').classes;
const native = require('./native.js');

class Answer {
  #handle;
  #isJson;
  /** @type {unknown} */
  #data;
  /** @type {import('../types/metadata').Metadata | undefined} */
  #metadata;

  /**
   * @param {import('./native.js').AnswerHandle} handle
   * @param {boolean} [isJson] for verbs whose answers are nothing else
   */
  constructor(handle, isJson = false) {
    this.#handle = handle;
    this.#isJson = isJson;
  }

  get contentType() {
    return this.metadata.content_type ?? 'application/json';
  }

  get body() {
    return this.#isJson || this.metadata.content_type === undefined ? native.body(this.#handle) : native.bytes(this.#handle);
  }

  get data() {
    return (this.#data ??= this.#read());
  }

  get text() {
    return native.text(this.#handle);
  }

  get metadata() {
    const parse = () => /** @type {import('../types/metadata').Metadata} */ (JSON.parse(native.metadata(this.#handle)));
    return (this.#metadata ??= parse());
  }

  toJSON() {
    return Buffer.isBuffer(this.data) ? this.data.toJSON() : this.data;
  }

  /**
   * @param {number} _depth
   * @param {import('node:util').InspectOptions} options
   */
  [inspect.custom](_depth, options) {
    return `${this.constructor.name} ${inspect({ text: this.text, metadata: this.metadata }, options)}`;
  }

  /** @returns {unknown} */
  #read() {
    const body = this.body;
    return typeof body === 'string' ? JSON.parse(body) : body;
  }
}

class Response extends Answer {
  /** @param {import('./native.js').AnswerHandle} handle */
  constructor(handle) {
    super(handle, true);
  }
}

class EmbeddingResponse extends Answer {
  /** @type {number[][] | undefined} */
  #vectors;

  /** @param {import('./native.js').AnswerHandle} handle */
  constructor(handle) {
    super(handle, true);
  }

  get vectors() {
    const { data } = /** @type {import('../types/verbs').EmbeddingList} */ (this.data);
    return (this.#vectors ??= data.map(({ embedding }) => vectorOf(embedding)));
  }
}

/**
 * The numbers of an embedding; those in Base64 are little-endian and of 32 bits.
 *
 * @param {number[] | string} embedding
 */
function vectorOf(embedding) {
  if (typeof embedding !== 'string') return embedding;
  const bytes = Buffer.from(embedding, 'base64');
  if (bytes.length % 4 !== 0 || bytes.length === 0) {
    throw new APIResponseValidationError('a vector in Base64 is not of 32-bit numbers');
  }
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}

module.exports = { Answer, EmbeddingResponse, Response };
