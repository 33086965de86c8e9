'use strict';

const { inspect } = require('node:util');
const native = require('./native.js');

class Response {
  #handle;
  /** @type {import('../types/completion').ChatCompletion | undefined} */
  #data;
  /** @type {import('../types/metadata').Metadata | undefined} */
  #metadata;

  /** @param {import('./native.js').AnswerHandle} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  get body() {
    return native.body(this.#handle);
  }

  get data() {
    return (this.#data ??= /** @type {import('../types/completion').ChatCompletion} */ (JSON.parse(this.body)));
  }

  get text() {
    return native.text(this.#handle);
  }

  get metadata() {
    const parse = () => /** @type {import('../types/metadata').Metadata} */ (JSON.parse(native.metadata(this.#handle)));
    return (this.#metadata ??= parse());
  }

  toJSON() {
    return this.data;
  }

  /**
   * @param {number} _depth
   * @param {import('node:util').InspectOptions} options
   */
  [inspect.custom](_depth, options) {
    return `Response ${inspect({ text: this.text, metadata: this.metadata }, options)}`;
  }
}

module.exports = { Response };
