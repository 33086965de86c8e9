// Verbs other than chat: embeddings, files in, sound out, events. What all languages share is in cases.json.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Answer,
  APIResponseValidationError,
  BadRequestError,
  CancelledError,
  ChatStream,
  EmbeddingResponse,
  EventStream,
  InternalServerError,
  InvalidArgumentError,
  Response,
  Router,
  ShutDownError,
} from 'llmrouter';
import { closing, mock, remote, request as chat } from './support/configs.mjs';
import { startProvider } from './support/provider.mjs';

const asked = { model: 'g', input: 'p', prompt: 'p' };
const aborted = (signal) => (error) => error instanceof CancelledError && error.cause === signal.reason;

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

test('answers are of their classes', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const [whole, vectors, other] = [await router.completion(chat), await router.embedding(asked), await router.request('/responses', asked)];
  assert.deepEqual([whole.constructor, vectors.constructor, other.constructor], [Response, EmbeddingResponse, Answer]);
  assert.ok([whole, vectors, other].every((answer) => answer instanceof Answer && answer.contentType === 'application/json'));
  assert.equal(other.text, 'x');
  assert.equal(other.data, other.data);
  assert.deepEqual(JSON.parse(other.body), other.data);
  assert.equal(JSON.stringify(other), JSON.stringify(other.data));
});

test('embeddings are numbers, however they come', async (t) => {
  const router = closing(t, Router.fromYaml(mock('[0.5, -1]')));
  const plain = await router.embedding({ model: 'g', input: ['a', 'b'] });
  assert.deepEqual(plain.vectors, [[0.5, -1], [0.5, -1]]);
  assert.equal(plain.vectors, plain.vectors);
  assert.equal(plain.data.usage.prompt_tokens, 10);
  assert.equal(plain.text, null);
  const packed = await router.embeddingRaw(Buffer.from('{"model":"g","input":[1,2],"encoding_format":"base64"}'));
  assert.equal(packed.data.data[0].embedding, 'AAAAPwAAgL8=');
  assert.deepEqual(packed.vectors, [[0.5, -1]]);
  assert.equal(packed.metadata.deployment, 'one');
});

test('what is no request of a verb is rejected, never thrown', async (t) => {
  const router = closing(t, Router.fromYaml(mock('x')));
  const circular = { ...asked };
  circular.self = circular;
  for (const path of [undefined, null, 7, '', '/files', 'responses/', '\ud800']) {
    await assert.rejects(router.request(path, asked), InvalidArgumentError);
    await assert.rejects(router.requestStream(path, asked), InvalidArgumentError);
  }
  for (const one of [undefined, null, 7, [], () => {}, circular, { ...asked, n: 1n }, '', '{', new Uint8Array(0)]) {
    await assert.rejects(router.request('/responses', one), InvalidArgumentError);
    await assert.rejects(router.requestStream('/responses', one), InvalidArgumentError);
  }
  for (const one of [undefined, { ...asked, n: 1n }]) await assert.rejects(router.embedding(one), InvalidArgumentError);
  for (const one of [undefined, {}, 1]) await assert.rejects(router.embeddingRaw(one), InvalidArgumentError);
  await assert.rejects(router.requestStream('/embeddings', asked), (error) => error instanceof BadRequestError && error.param === 'stream');
  await router.close();
  await assert.rejects(router.request('/responses', asked), ShutDownError);
  await assert.rejects(router.requestStream('/responses', asked), ShutDownError);
});

describe('events of mocks', () => {
  test('of a response', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hallöchen, Welt!"')));
    const stream = await router.requestStream('/responses', asked);
    assert.equal(stream.constructor, EventStream);
    assert.equal(stream.metadata.deployment, 'one');
    const events = await collect(stream);
    assert.equal(events[0].type, 'response.created');
    assert.equal(events.at(-1).type, 'response.completed');
    assert.equal(events.at(-1).response.output[0].content[0].text, 'Hallöchen, Welt!');
    assert.equal(stream.text, 'Hallöchen, Welt!');
    assert.equal(stream.metadata.usage.input_tokens, 10);
    assert.deepEqual(await collect(stream), [], 'the end stays');
  });

  test('of a text completion and of a chat', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hallöchen, Welt!"')));
    const stream = await router.requestStream('v1/completions', JSON.stringify(asked));
    const web = await collect(stream.toReadableStream());
    assert.equal(web.map(({ choices }) => choices[0]?.text ?? '').join(''), 'Hallöchen, Welt!');
    assert.equal(stream.text, 'Hallöchen, Welt!');
    const other = await router.requestStream('/chat/completions', chat);
    await collect(other);
    assert.equal(other.text, 'Hallöchen, Welt!');
    assert.ok((await router.stream(chat)) instanceof EventStream && !(other instanceof ChatStream));
  });

  test('an error behind the text rejects, and stays', async (t) => {
    const router = closing(t, Router.fromYaml(mock('x')));
    for (const path of ['/responses', '/completions']) {
      const stream = await router.requestStream(path, { ...asked, mock_response: 'Exception: mock_streaming_error, Hello' });
      await assert.rejects(collect(stream), InternalServerError);
      assert.equal(stream.text, 'Hello');
      await assert.rejects(collect(stream), InternalServerError);
    }
  });

  test('leaving the loop cancels', async (t) => {
    const router = closing(t, Router.fromYaml(mock('"Hallöchen, Welt!"')));
    const stream = await router.requestStream('/responses', asked);
    for await (const { type } of stream) if (type === 'response.output_text.delta') break;
    await assert.rejects(collect(stream), CancelledError);
    assert.equal(router.snapshot().groups[0].deployments[0].in_flight, 0);
  });
});

describe('on sockets', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  let provider;
  before(async () => (provider = await startProvider()));
  after(() => provider.close());

  async function start(t, path, reply) {
    const router = closing(t, Router.fromYaml(remote(provider.url)));
    await provider.forget();
    await provider.play({ paths: { [`/one/v1${path}`]: [reply] } });
    return router;
  }

  test('a file goes out as it is', async (t) => {
    const router = await start(t, '/audio/transcriptions', { json: { text: 'heard' } });
    // With what a form has between its parts; the log of the provider is UTF-8.
    const text = 'RIFF\0\u0001\r\n--grüße';
    const whole = Buffer.from(`###${text}###`);
    const bytes = new Uint8Array(whole.buffer, whole.byteOffset + 3, whole.length - 6);
    const named = { filename: 'a.wav', content_type: 'audio/wav', data: bytes };
    const packed = { ...named, data: Buffer.from(bytes).toString('base64') };
    for (const file of [named, packed, bytes, Buffer.from(bytes)]) {
      const answer = await router.request('/audio/transcriptions', { model: 'g', file, language: 'de' });
      assert.deepEqual([answer.text, answer.data], ['heard', { text: 'heard' }]);
    }
    const forms = (await provider.log()).map(({ raw }) => raw);
    assert.equal(forms.length, 4);
    for (const form of forms) assert.ok(form.includes(`\r\n\r\n${text}\r\n--`), form);
    assert.ok(forms[0].includes('filename="a.wav"\r\ncontent-type: audio/wav\r\n') && forms[1].includes('filename="a.wav"'));
    assert.ok(forms[2].includes('filename="file"'));
    assert.equal(named.data, bytes, 'the request is left as it was');
  });

  test('files may be several', async (t) => {
    const router = await start(t, '/images/edits', { json: { data: [{ url: 'u' }] } });
    const image = [{ filename: 'a.png', data: Buffer.from('one') }, Buffer.from('two')];
    await router.request('/images/edits', { model: 'g', prompt: 'p', image });
    const [{ raw }] = await provider.log();
    assert.match(raw, /name="image\[\]"; filename="a.png"[^]*\r\none\r\n[^]*name="image\[\]"; filename="file"[^]*\r\ntwo\r\n/);
  });

  test('sound comes as bytes, every one of them', async (t) => {
    const sound = { base64: every.toString('base64'), headers: { 'content-type': 'audio/mpeg' } };
    const router = await start(t, '/audio/speech', sound);
    const answer = await router.request('/audio/speech', { model: 'g', input: 'x', voice: 'y' });
    assert.ok(Buffer.isBuffer(answer.body));
    assert.deepEqual(answer.body, every);
    assert.equal(answer.data, answer.data);
    assert.deepEqual(answer.data, every);
    assert.deepEqual([answer.contentType, answer.text, answer.metadata.content_type], ['audio/mpeg', null, 'audio/mpeg']);
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), JSON.parse(JSON.stringify(every)));
    // It is a copy, and the program's own.
    answer.body.fill(0);
    await router.close();
    assert.deepEqual(answer.body, every);
  });

  test('vectors that are none', async (t) => {
    const router = await start(t, '/embeddings', { json: { data: [{ index: 0, embedding: 'AAA=' }] } });
    const answer = await router.embedding(asked);
    assert.throws(() => answer.vectors, APIResponseValidationError);
    assert.equal(answer.data.data[0].embedding, 'AAA=');
  });

  test('a signal ends a call, an opening and a stream', async (t) => {
    const events = Array.from({ length: 1000 }, () => ({
      text: 'data: {"type":"response.output_text.delta","delta":"x"}\n\n',
      delay_ms: 20,
    }));
    const router = await start(t, '/responses', { chunks: events });
    const controller = new AbortController();
    const stream = await router.requestStream('/responses', asked, controller);
    setTimeout(() => controller.abort('enough'), 50);
    await assert.rejects(collect(stream), aborted(controller.signal));
    assert.ok(stream.text.length > 0);
    while ((await provider.stats()).client_aborts === 0) await sleep(5);

    const slow = closing(t, Router.fromYaml(mock('x', 20_000)));
    const options = { signal: AbortSignal.timeout(20) };
    const calls = [slow.embedding(asked, options), slow.request('/responses', asked, options), slow.requestStream('/responses', asked, options)];
    await Promise.all(calls.map((call) => assert.rejects(call, aborted(options.signal))));
    await assert.rejects(slow.request('/responses', asked, options), aborted(options.signal));
  });
});
