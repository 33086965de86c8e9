// What a finished stream says: put together by one table for all languages, from any split, over sockets.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { CancelledError, InternalServerError, Router, StreamTruncatedError } from 'llmrouter';
import { closing, mock, remote, request } from './support/configs.mjs';
import { startProvider } from './support/provider.mjs';
import { inRepository } from './support/repository.mjs';
import { generator, split } from './support/split.mjs';

const { Accumulator } = createRequire(import.meta.url)('../lib/accumulate.js');
const { cases } = JSON.parse(readFileSync(inRepository('tests/bindings/accumulated.json'), 'utf8'));

function accumulated(chunks) {
  const whole = new Accumulator();
  for (const chunk of chunks) whole.add(chunk);
  return whole.completion();
}

const tool = (id, name, json) => ({ id, type: 'function', function: { name, arguments: json } });
const spoken = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Grüße, "Welt"! 🌍🌎',
        reasoning_content: 'Let me think…\n',
        tool_calls: [tool('c1', 'f', '{"city": "Zürich 🏔"}'), tool('c2', 'g', '{}'), tool('c3', 'f', '{"x": [1, 2]}')],
      },
      finish_reason: 'tool_calls',
    },
    { index: 1, message: { role: 'assistant', content: null, refusal: 'I will not do that.' }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
};

describe('the law', () => {
  for (const { name, chunks, completion } of cases) {
    test(name, () => {
      const before = JSON.stringify(chunks);
      assert.deepEqual(accumulated(chunks), completion);
      assert.equal(JSON.stringify(chunks), before, 'the chunks belong to their reader');
    });
  }

  test('any split gives the same answer', () => {
    let most = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const chunks = split(spoken, generator(seed));
      most = Math.max(most, chunks.length);
      assert.deepEqual(accumulated(chunks), spoken, `seed ${seed}`);
    }
    assert.ok(most > 40, `the splits are coarse: ${most} chunks at most`);
  });

  test('a character that is cut in two is whole again', () => {
    const chunks = ['\ud83d', '\ude00'].map((content) => ({ choices: [{ index: 0, delta: { content } }] }));
    assert.equal(accumulated(chunks).choices[0].message.content, '😀');
  });

  test('names that objects have of themselves, and depth, do no harm', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const odd = `{"__proto__": {"bad": 1}, "toString": "x", "constructor": null, "deep": ${deep}}`;
    const posing = '{"__proto__": {"index": 0}, "delta": {"content": "b"}}';
    const chunks = [0, 1].map(() => JSON.parse(`{"choices": [${posing}, {"index": 0, "delta": ${odd}}]}`));
    const { choices } = accumulated(chunks);
    assert.deepEqual(choices.map(({ index }) => index), [undefined, 0, undefined]);
    const { message } = choices[1];
    assert.deepEqual([message.toString, message.constructor], ['x', null]);
    assert.equal(Object.getPrototypeOf(message), Object.prototype);
    assert.equal({}.bad, undefined);
    assert.equal(message.deep.length, 2);
  });

  test('what is no chunk of a chat adds nothing', () => {
    const whole = new Accumulator();
    for (const other of [null, 'x', {}, { choices: {} }, { type: 'response.created', text: 'x' }]) whole.add(other);
    assert.ok(whole.isEmpty);
    whole.add({ choices: [null, 7, { index: 0 }] });
    const message = { role: 'assistant', content: '' };
    assert.deepEqual(whole.completion().choices, [{ index: 0, message, finish_reason: null }]);
  });
});

describe('of mocks', () => {
  test('in the place of a loop, after one, in the middle of one', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hello, all of you!"')));
    const message = { role: 'assistant', content: 'Hello, all of you!' };
    assert.deepEqual(await (await router.stream(request)).finalMessage(), message);

    const looped = await router.stream(request);
    assert.equal(looped.currentChatCompletionSnapshot, undefined);
    for await (const _ of looped);
    assert.deepEqual(await looped.finalMessage(), message);
    assert.deepEqual(await looped.finalMessage(), message, 'the end stays');

    const half = await router.stream(request);
    const reader = half.toReadableStream().getReader();
    while (half.text === '') await reader.read();
    assert.equal(half.currentChatCompletionSnapshot.choices[0].message.content, half.text);
    assert.notEqual(half.text, message.content);
    assert.equal(await half.finalContent(), message.content);
    assert.equal((await reader.read()).done, true);
    assert.equal(half.text, message.content);
  });

  test('the tokens are known without being asked for', async (t) => {
    const router = closing(t, Router.fromYaml(mock('Hello')));
    const stream = await router.stream(request);
    const whole = await stream.finalChatCompletion();
    assert.equal(whole.object, 'chat.completion');
    assert.equal(whole.choices[0].finish_reason, 'stop');
    assert.equal(whole.usage.total_tokens, 30);
    assert.deepEqual(await stream.totalUsage(), stream.metadata.usage);
  });

  test('an error in the middle rejects each of them, and leaves what came', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    const stream = await router.stream({ ...request, mock_response: 'Exception: mock_streaming_error, Hello' });
    for (const ask of ['finalMessage', 'finalContent', 'finalChatCompletion', 'totalUsage']) {
      await assert.rejects(stream[ask](), InternalServerError, ask);
    }
    const [choice] = stream.currentChatCompletionSnapshot.choices;
    assert.deepEqual([choice.message.content, choice.finish_reason], ['Hello', null]);
  });

  test('who left the loop has no whole answer', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hello, all of you!"')));
    const stream = await router.stream(request);
    for await (const _ of stream) break;
    await assert.rejects(stream.finalMessage(), CancelledError);
  });

  test('the message goes back', async (t) => {
    const mock_tool_calls = [tool('c1', 'f', '{"x": 1}'), tool('c2', 'g', '{}')];
    const router = closing(t, Router.fromYaml(mock('done')));
    const stream = await router.stream({ ...request, mock_response: undefined, mock_tool_calls });
    const message = await stream.finalMessage();
    assert.deepEqual(message, { role: 'assistant', content: null, tool_calls: mock_tool_calls });
    assert.equal(await stream.finalContent(), null);
    const results = message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '1' }));
    const answer = await router.completion({ ...request, messages: [...request.messages, message, ...results] });
    assert.equal(answer.text, 'done');
  });
});

describe('on sockets', () => {
  let provider;
  before(async () => (provider = await startProvider()));
  after(() => provider.close());

  async function start(t, chunks, end = 'data: [DONE]\n\n') {
    const router = closing(t, Router.fromYaml(remote(provider.url)));
    const texts = [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), end];
    await provider.play({ paths: { '/one': [{ chunks: texts.map((text) => ({ text })) }] } });
    return router;
  }

  test('two choices in many pieces', async (t) => {
    for (const seed of [1, 2, 3]) {
      const router = await start(t, split(spoken, generator(seed)));
      const asked = { ...request, n: 2, stream_options: { include_usage: true } };
      assert.deepEqual(await (await router.stream(asked)).finalChatCompletion(), spoken);
    }
  });

  test('usage that was not asked for, counted or estimated', async (t) => {
    const asked = { ...request, n: 2 };
    const counted = await (await start(t, split(spoken, generator(4)))).stream(asked);
    assert.deepEqual(await counted.finalChatCompletion(), spoken);
    const { usage: _, ...uncounted } = spoken;
    const estimated = await (await start(t, split(uncounted, generator(5)))).stream(asked);
    assert.deepEqual(await estimated.finalChatCompletion(), uncounted);
    assert.ok((await estimated.totalUsage()).total_tokens > 0 && estimated.metadata.usage_estimated);
  });

  test('one that is cut off', async (t) => {
    const { usage: _, ...one } = { ...spoken, choices: spoken.choices.slice(0, 1) };
    const chunks = split(one, generator(6)).slice(0, -2);
    const stream = await (await start(t, chunks, '')).stream(request);
    await assert.rejects(stream.finalMessage(), StreamTruncatedError);
    assert.deepEqual(stream.currentChatCompletionSnapshot, accumulated(chunks));
  });
});
