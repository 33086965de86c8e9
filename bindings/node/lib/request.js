'use strict';

const { InvalidArgumentError } = require('./errors.js').classes;

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
 * @returns {json is string | Uint8Array}
 */
const isRaw = (json) => typeof json === 'string' || json instanceof Uint8Array;

/**
 * @param {unknown} json
 * @returns {asserts json is string | Uint8Array}
 */
function checkRaw(json) {
  if (!isRaw(json)) throw new InvalidArgumentError(`the request is no JSON text but ${typeof json}`);
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * A member of a request, its files as JSON has them.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function withFiles(value) {
  if (Array.isArray(value)) return value.map(withFiles);
  if (value instanceof Uint8Array) return { data: base64(value) };
  if (value === null || typeof value !== 'object' || !('data' in value)) return value;
  return value.data instanceof Uint8Array ? { ...value, data: base64(value.data) } : value;
}

/**
 * A question of any verb. Its request is JSON already, or an object that may have files as bytes.
 *
 * @param {unknown} path
 * @param {unknown} request
 */
function questionOf(path, request) {
  if (typeof path !== 'string') throw new InvalidArgumentError(`the path is no string but ${typeof path}`);
  if (isRaw(request)) return { path, json: request };
  if (request === null || typeof request !== 'object' || Array.isArray(request)) return { path, json: encode(request) };
  const members = Object.entries(request).map(([name, value]) => [name, withFiles(value)]);
  return { path, json: encode(Object.fromEntries(members)) };
}

module.exports = { checkRaw, encode, questionOf };
