// Prints the fake provider's script: script.mjs <seconds> <seconds>. Streams of those lengths at /four and /twenty, a
// chunk each 250 and 50 ms, whose contents count from 0; at /left, streams that can be left at any point.

const event = (delta, finish_reason = null) => {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason }];
  const chunk = { id: 'chatcmpl-scale', object: 'chat.completion.chunk', created: 1700000000, model: 'gpt-4o', choices };
  return `data: ${JSON.stringify(chunk)}\n\n`;
};

/** The role, `count` numbered contents so many milliseconds apart, and the end. */
function stream(count, milliseconds) {
  const contents = Array.from({ length: count }, (_, n) => ({
    text: event({ content: `${n}` }),
    delay_ms: n === 0 ? 0 : milliseconds,
  }));
  const end = event({}, 'stop') + 'data: [DONE]\n\n';
  return [{ text: event({ role: 'assistant', content: '' }) }, ...contents, { text: end, delay_ms: milliseconds }];
}

const [four, twenty] = process.argv.slice(2).map(Number);
// Some keep the caller waiting for their headers, some for their first content, some end at once.
const left = [
  { chunks: stream(20, 2) },
  { delay_ms: 10, chunks: stream(20, 1) },
  { body_delay_ms: 10, chunks: stream(20, 2) },
  { chunks: stream(3, 0) },
  { hang: true },
];
const paths = {
  '/four': [{ chunks: stream(four * 4, 250) }],
  '/twenty': [{ chunks: stream(twenty * 20, 50) }],
  '/left': { replies: left, then: 'cycle' },
};
console.log(JSON.stringify({ paths }));
