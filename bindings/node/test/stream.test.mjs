// Streams: chunks in order and one end, whoever ends it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, ChatStream, InternalServerError, InvalidArgumentError, RateLimitError, Router, ShutDownError, StreamTruncatedError } from 'llmrouter';
import { runProgram } from './support/child.mjs';
import { closing, mock, remote, request } from './support/configs.mjs';
import { startProvider } from './support/provider.mjs';

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const failing = { ...request, mock_response: 'Exception: mock_streaming_error, Hello' };

describe('of mocks', () => {
  test('typed chunks, the text, the metadata', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hallöchen, Welt!"')));
    const stream = await router.stream(request);
    assert.ok(stream instanceof ChatStream);
    assert.equal(stream.metadata.deployment, 'one');
    assert.equal(stream.text, '');
    const chunks = await collect(stream);
    assert.ok(chunks.length > 3);
    assert.ok(chunks.every(({ object }) => object === 'chat.completion.chunk'));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    assert.equal(chunks.map(({ choices }) => choices[0].delta.content ?? '').join(''), 'Hallöchen, Welt!');
    assert.equal(stream.text, 'Hallöchen, Welt!');
    assert.ok(stream.metadata.ttft_ms >= 0 && stream.metadata.latency_ms >= stream.metadata.ttft_ms);
    assert.equal(stream.metadata.usage.total_tokens, 30);
    assert.equal(stream.metadata.usage_estimated, undefined);
    assert.equal(stream.metadata, stream.metadata);
    assert.deepEqual(await collect(stream), [], 'the end stays');
  });

  test('a request may be JSON', async (t) => {
    const router = closing(t, Router.fromYaml(mock('raw')));
    const stream = await router.streamRaw(Buffer.from(JSON.stringify(request)));
    await collect(stream);
    assert.equal(stream.text, 'raw');
  });

  test('an error behind the text rejects, and stays', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    const stream = await router.stream(failing);
    const failed = (error) => error instanceof InternalServerError && error.status === 529 && error.attempts.length === 1;
    await assert.rejects(collect(stream), failed);
    assert.equal(stream.text, 'Hello');
    await assert.rejects(collect(stream), failed);
    assert.equal(stream.metadata.usage_estimated, true);
    const web = (await router.stream(failing)).toReadableStream();
    await assert.rejects(collect(web), failed);
  });

  test('what fails before the first content rejects the opening', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    await assert.rejects(router.stream({ ...request, mock_response: 'litellm.RateLimitError' }), RateLimitError);
    await assert.rejects(router.stream(undefined), InvalidArgumentError);
    await assert.rejects(router.streamRaw({}), InvalidArgumentError);
    await assert.rejects(router.stream(request, { signal: {} }), InvalidArgumentError);
    await assert.rejects(router.stream(request, { signal: AbortSignal.abort('no') }), (error) => error.cause === 'no');
    await router.close();
    await assert.rejects(router.stream(request), ShutDownError);
  });

  test('200 at once', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    const one = async (index) => {
      const stream = await router.stream({ ...request, mock_response: `the text of stream ${index}`.repeat(20) });
      await collect(stream);
      return stream.text;
    };
    const texts = await Promise.all(Array.from({ length: 200 }, (_, index) => one(index)));
    texts.forEach((text, index) => assert.equal(text, `the text of stream ${index}`.repeat(20)));
  });

  test('readers at once share the chunks', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    const text = 'a b c d e f g h '.repeat(200).trim();
    const stream = await router.stream({ ...request, mock_response: text });
    const parts = await Promise.all([collect(stream), collect(stream), collect(stream)]);
    assert.equal(stream.text, text);
    assert.equal(new Set(parts.flat()).size, parts.flat().length);
  });

  test('a web stream', async (t) => {
    const router = closing(t, Router.fromYaml(mock('to the web')));
    const stream = await router.stream(request);
    const chunks = await collect(stream.toReadableStream());
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    assert.equal(stream.text, 'to the web');
  });

  test('what is closed after its end has ended well', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    const stream = await router.stream(request);
    await collect(stream);
    stream.cancel();
    await Promise.all([stream.close(), stream.close()]);
    assert.deepEqual(await collect(stream), []);
  });
});

describe('on sockets', () => {
  const word = (content, delay_ms = 0) => {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'x', choices: [{ index: 0, delta: { content } }] };
    return { text: `data: ${JSON.stringify(chunk)}\n\n`, delay_ms };
  };
  const slow = { paths: { '/one': [{ chunks: Array.from({ length: 1000 }, () => word('x', 20)) }] } };
  const done = { text: 'data: [DONE]\n\n' };
  const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
  const told = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'x', choices: [], usage };
  const counts = { text: `data: ${JSON.stringify(told)}\n\n` };
  const whole = { paths: { '/one': [{ chunks: [word('hello'), word(' from one'), counts, done] }] } };
  let provider;
  before(async () => (provider = await startProvider()));
  after(() => provider.close());

  async function start(t, script) {
    const router = closing(t, Router.fromYaml(remote(provider.url)));
    await provider.forget();
    await provider.play(script);
    return router;
  }
  async function aborted() {
    const began = performance.now();
    while ((await provider.stats()).client_aborts === 0) {
      assert.ok(performance.now() - began < 2000, 'the provider still streams');
      await sleep(5);
    }
  }
  const cancelled = (cause) => (error) => error instanceof CancelledError && error.cause === cause;

  test('a whole stream', async (t) => {
    const router = await start(t, whole);
    const stream = await router.stream({ ...request, stream_options: { include_usage: true } });
    const chunks = await collect(stream);
    assert.equal(stream.text, 'hello from one');
    assert.equal(chunks.at(-1).usage.total_tokens, 30);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal((await provider.log())[0].body.stream, true);
  });

  test('a stream that is cut off never looks whole', async (t) => {
    const router = await start(t, { paths: { '/one': [{ chunks: [word('hello'), word(' you')] }] } });
    const stream = await router.stream(request);
    await assert.rejects(collect(stream), StreamTruncatedError);
    assert.equal(stream.text, 'hello you');
  });

  test('leaving the loop', async (t) => {
    const router = await start(t, slow);
    const stream = await router.stream(request);
    for await (const chunk of stream) {
      assert.equal(chunk.choices[0].delta.content, 'x');
      break;
    }
    await aborted();
    assert.equal(stream.metadata.usage_estimated, true, 'the metadata is complete');
    await assert.rejects(collect(stream), CancelledError, 'no quiet end');
  });

  test('an iterator that is left while it reads', async (t) => {
    const router = await start(t, { paths: { '/one': [{ chunks: [word('x'), word('y', 60_000)] }] } });
    const iterator = (await router.stream(request))[Symbol.asyncIterator]();
    await iterator.next();
    const waits = assert.rejects(iterator.next(), CancelledError);
    assert.equal((await iterator.return()).done, true);
    await waits;
    assert.equal((await iterator.next()).done, true);
    await aborted();
  });

  test('cancel, and close twice', async (t) => {
    const router = await start(t, slow);
    const stream = await router.stream(request);
    const reading = assert.rejects(collect(stream), cancelled('enough'));
    await sleep(30);
    stream.cancel('enough');
    await Promise.all([stream.close(), stream.close(), reading, aborted()]);
    await stream.close();
  });

  test('an abort ends the opening', async (t) => {
    const router = await start(t, { paths: { '/one': [{ hang: true }] } });
    const controller = new AbortController();
    const opening = assert.rejects(router.stream(request, { signal: controller.signal }), cancelled('enough'));
    while ((await provider.stats()).requests === 0) await sleep(5);
    controller.abort('enough');
    await opening;
    await aborted();
  });

  test('an abort ends the stream, and the signal is let go', async (t) => {
    const router = await start(t, slow);
    const controller = new AbortController();
    const stream = await router.stream(request, { signal: controller.signal });
    const reading = assert.rejects(collect(stream), cancelled('enough'));
    await sleep(30);
    controller.abort('enough');
    await reading;
    await aborted();

    await provider.play(whole);
    let listening = 0;
    const signal = { aborted: false, addEventListener: () => listening++, removeEventListener: () => listening-- };
    const other = await router.stream(request, { signal });
    assert.equal(listening, 1);
    await collect(other);
    await assert.rejects(router.stream({ ...request, model: 'nobody' }, { signal }));
    assert.equal(listening, 0);
  });

  test('a web stream that is cancelled while it reads', async (t) => {
    const router = await start(t, { paths: { '/one': [{ chunks: [word('x'), word('y', 60_000)] }] } });
    const reader = (await router.stream(request)).toReadableStream().getReader();
    assert.equal((await reader.read()).value.choices[0].delta.content, 'x');
    const waits = reader.read();
    await reader.cancel();
    assert.equal((await waits).done, true);
    await aborted();
  });

  test('closing the router ends open streams', async (t) => {
    const router = await start(t, slow);
    const [read, unread] = await Promise.all([router.stream(request), router.stream(request)]);
    const reading = assert.rejects(collect(read), ShutDownError);
    await sleep(30);
    await router.close();
    await reading;
    await assert.rejects(collect(unread), ShutDownError);
    assert.equal(unread.metadata.deployment, 'one');
    await unread.close();
  });
});

test('`await using` closes', { skip: !Symbol.asyncDispose }, async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const stream = await router.stream(request);
  await stream[Symbol.asyncDispose]();
  await assert.rejects(collect(stream), CancelledError);
});

test('processes, workers and garbage collection', async () => {
  const { code, signal, stdout, stderr } = await runProgram('streams.mjs', { flags: ['--expose-gc'] });
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'ok\n' }, stderr);
});
