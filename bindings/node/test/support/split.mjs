// Answers taken to pieces: each text cut anywhere, the pieces of all in any order that keeps each text's own.

/** Numbers from 0 up to 1, the same for the same seed. */
export function generator(seed) {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** Never within a character: a chunk is UTF-8. */
function cut(text, random) {
  const pieces = [''];
  for (const character of text) {
    if (random() < 0.3) pieces.push('');
    pieces[pieces.length - 1] += character;
  }
  return pieces;
}

/** The deltas of a message, as queues: each is in order, and they are in none. */
function queues({ role, tool_calls: calls = [], ...texts }, random) {
  const said = Object.entries(texts).filter(([, text]) => text !== null);
  const told = calls.map(({ id, type, function: { name, arguments: json } }, index) => [
    { tool_calls: [{ index, id, type, function: { name, arguments: '' } }] },
    ...cut(json, random).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]);
  const spoken = said.map(([name, text]) => cut(text, random).map((piece) => ({ [name]: piece })));
  return [[{ role, content: '' }], ...spoken, ...told];
}

/** The chunks of a whole answer. */
export function split({ choices, usage, ...head }, random) {
  const chunk = (pieces, more) => ({ ...head, object: 'chat.completion.chunk', choices: pieces, ...more });
  const waiting = choices.flatMap(({ index, message, finish_reason }) => {
    const deltas = queues(message, random);
    // A choice ends behind all that belongs to it.
    const left = { count: deltas.length };
    return deltas.map((queue) => ({ queue, index, left, finish_reason }));
  });
  const pieces = [];
  while (waiting.length > 0) {
    const at = Math.floor(random() * waiting.length);
    const { queue, index, left, finish_reason } = waiting[at];
    pieces.push({ index, delta: queue.shift(), finish_reason: null });
    if (queue.length > 0) continue;
    waiting.splice(at, 1);
    if (--left.count === 0) pieces.push({ index, delta: {}, finish_reason });
  }
  const chunks = [];
  while (pieces.length > 0) chunks.push(chunk(pieces.splice(0, random() < 0.2 ? 2 : 1)));
  if (usage !== undefined) chunks.push(chunk([], { usage }));
  return chunks;
}
