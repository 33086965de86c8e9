'use strict';

/**
 * @typedef {import('../types/chunk').ChatChunk} Chunk
 * @typedef {import('../types/completion').ChatCompletion} Completion
 * @typedef {import('../types/completion').AnswerMessage} Message
 * @typedef {Record<string, unknown>} Members
 */

/** Members whose texts are pieces of one text; of all others the last one that says something counts. */
const GROWING = new Set([
  'content', 'refusal', 'reasoning_content', 'reasoning', 'arguments', 'text', 'data', 'transcript', 'thinking',
]);

/** A message with one of these may be without content. */
const INSTEAD = ['tool_calls', 'refusal', 'function_call', 'audio'];

/** What lies deeper does not come in pieces: it is taken as it is, so that no depth can exhaust the stack. */
const DEPTH = 16;

/**
 * Takes chunks in and gives the completion that they stand for: messages, tool calls by their `index`, each choice by
 * its own. Members that nobody has heard of are kept.
 */
class Accumulator {
  /** @type {Members} */
  #head = {};
  /** @type {unknown[]} */
  #choices = [];
  /** @type {Completion['usage']} */
  #usage;
  isEmpty = true;

  /**
   * What is no chunk of a chat completion adds nothing.
   *
   * @param {Chunk} chunk
   */
  add(chunk) {
    if (!Array.isArray(chunk?.choices)) return;
    this.isEmpty = false;
    const { choices, usage, ...head } = chunk;
    mergeLists(this.#choices, choices, DEPTH);
    this.#usage = usage ?? this.#usage;
    mergeObjects(this.#head, head, DEPTH);
  }

  /** A new object each time: what its owner does to it changes nothing here. */
  completion() {
    const head = mergeObjects({}, this.#head, DEPTH);
    const choices = this.#choices.filter(isObject).map(choiceOf);
    const usage = this.#usage === undefined ? {} : { usage: copied(this.#usage, DEPTH) };
    return /** @type {Completion} */ ({ ...head, object: 'chat.completion', choices, ...usage });
  }
}

/** @param {Members} choice */
function choiceOf(choice) {
  const { index, delta, finish_reason = null, ...others } = mergeObjects({}, choice, DEPTH);
  return { index, message: messageOf(isObject(delta) ? delta : {}), finish_reason, ...others };
}

/**
 * A message that can be sent back: with what a request's must have, without what it must not.
 *
 * @param {Members} delta
 */
function messageOf({ role, content, tool_calls: calls, ...others }) {
  /** @type {Members} */
  const message = { role: role || 'assistant', content: content || null, ...others };
  if (Array.isArray(calls) && calls.length > 0) message.tool_calls = calls.map(callOf);
  const saysElse = INSTEAD.some((name) => (message[name] ?? null) !== null);
  if (message.content === null && !saysElse) message.content = '';
  return message;
}

/** @param {unknown} call */
function callOf(call) {
  if (!isObject(call)) return call;
  const { index: _, ...others } = call;
  const type = others.type || 'function';
  if (type !== 'function') return others;
  const said = isObject(others.function) ? others.function : {};
  return { ...others, type, function: { ...said, name: said.name ?? '', arguments: said.arguments ?? '' } };
}

/**
 * @param {unknown} value
 * @returns {value is Members}
 */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param {Members} old
 * @param {Members} piece
 * @param {number} depth
 */
function mergeObjects(old, piece, depth) {
  for (const name of Object.keys(piece)) {
    // Assigned, this one would change what the object is.
    if (name === '__proto__') continue;
    const value = piece[name];
    if (!Object.hasOwn(old, name)) old[name] = copied(value, depth);
    else if (value !== null) old[name] = merged(old[name], value, GROWING.has(name), depth);
  }
  return old;
}

/**
 * Items with the same index are one, and stand in its order; others follow each other.
 *
 * @param {unknown[]} old
 * @param {unknown[]} piece
 * @param {number} depth
 */
function mergeLists(old, piece, depth) {
  for (const item of piece) {
    const index = indexOf(item);
    const same = index === undefined ? -1 : old.findIndex((known) => indexOf(known) === index);
    const later = index === undefined ? -1 : old.findIndex((known) => Number(indexOf(known)) > index);
    if (same >= 0) old[same] = merged(old[same], item, false, depth - 1);
    else old.splice(later < 0 ? old.length : later, 0, copied(item, depth - 1));
  }
  return old;
}

/** @param {unknown} item */
const indexOf = (item) => (isObject(item) && typeof item.index === 'number' ? item.index : undefined);

/**
 * @param {unknown} old
 * @param {unknown} piece
 * @param {boolean} grows
 * @param {number} depth
 */
function merged(old, piece, grows, depth) {
  if (typeof old === 'string' && typeof piece === 'string') return grows ? old + piece : piece || old;
  if (depth > 0 && Array.isArray(old) && Array.isArray(piece)) return mergeLists(old, piece, depth - 1);
  if (depth > 0 && isObject(old) && isObject(piece)) return mergeObjects(old, piece, depth - 1);
  return copied(piece, depth);
}

/**
 * A chunk belongs to who reads it: what is kept here is a copy.
 *
 * @param {unknown} value
 * @param {number} depth
 */
function copied(value, depth) {
  // A list's items may belong together already.
  if (depth > 0 && Array.isArray(value)) return mergeLists([], value, depth - 1);
  return depth > 0 && isObject(value) ? mergeObjects({}, value, depth - 1) : value;
}

module.exports = { Accumulator };
