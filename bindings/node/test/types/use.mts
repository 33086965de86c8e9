// Programs as users write them: what must compile, and what must not.

import {
  type Answer,
  APIError,
  type AnswerMessage,
  BadRequestError,
  CancelledError,
  type ChatChunk,
  ChatStream,
  type CompletionRequest,
  ContextWindowExceededError,
  type EmbeddingResponse,
  EventStream,
  type FileInput,
  type Message,
  type Metadata,
  type Plan,
  RateLimitError,
  type Response,
  Router,
  RouterError,
  abiVersion,
  setLogListener,
  version,
} from 'llmrouter';

const router = Router.fromYaml('model_list: []');
Router.fromFile('a.yaml');
Router.fromFile(new URL('file:///a.yaml'));

const messages: Message[] = [
  { role: 'developer', content: 'Be brief.' },
  { role: 'user', content: [{ type: 'text', text: 'What?' }, { type: 'image_url', image_url: { url: 'data:,' } }] },
  { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
  { role: 'tool', tool_call_id: 'c', content: 'done' },
];

const full = {
  model: 'gpt-4',
  messages,
  temperature: 0.5,
  tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  tool_choice: { type: 'function', function: { name: 'f' } },
  response_format: { type: 'json_schema', json_schema: { name: 's', schema: {}, strict: true } },
  timeout: 30,
  num_retries: 1,
  fallbacks: ['gpt-3.5-turbo', { model: 'claude', temperature: 0 }],
  deadline: 60,
  on_exhausted: 'wait',
  cache: { 'no-store': true, ttl: 5, 's-maxage': 5, namespace: 'n' },
  caching: true,
  retry_policy: { RateLimitErrorRetries: 3, Timeout: { max_retries: 1 }, Default: 0 },
  model_group_retry_policy: { 'gpt-4': { InternalServerError: 1 } },
  context_window_fallbacks: [{ 'gpt-4': ['long'] }],
  content_policy_fallbacks: { '*': ['lenient', { model: 'other', seed: 1 }] },
  routing_strategy: 'least-busy',
  tags: ['a', '!b'],
  enable_tag_filtering: true,
  allowed_model_region: 'eu',
  specific_deployment: false,
  additional_drop_params: ['tools[*].strict'],
  allowed_openai_params: ['logprobs'],
  modify_params: true,
  metadata: { explain: true, user: 7 },
  mock_timeout: false,
  mock_tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
  mock_testing_fallbacks: false,
  mock_testing_context_fallbacks: false,
  mock_testing_content_policy_fallbacks: false,
  mock_testing_rate_limit_error: false,
} as const satisfies CompletionRequest;

/** A provider's own parameters, as members or as a type of the program. */
interface Mine extends CompletionRequest {
  top_k: number;
}
const mine: Mine = { model: 'm', messages: [], top_k: 4 };

export async function whole(signal: AbortSignal): Promise<string> {
  const answer: Response = await router.completion(full, { signal });
  await router.completion(mine);
  await router.completion({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], top_k: 4 });
  await router.completionRaw('{}', { signal: new AbortController().signal });
  await router.completionRaw(new TextEncoder().encode('{}'));
  const metadata: Metadata = answer.metadata;
  const cost: number | null = metadata.cost;
  const tokens: number | undefined = answer.data.usage?.total_tokens;
  const kept: unknown = answer.data['citations'];
  const skipped: string | null | undefined = metadata.attempts[0]?.skipped;
  const state: 'healthy' | 'cooling' | 'blocked' | undefined = router.snapshot().groups[0]?.deployments[0]?.state;
  const fromFleet: boolean | undefined = router.snapshot().groups[0]?.deployments[0]?.from_fleet;
  const room: number | null | undefined = router.snapshot().groups[0]?.deployments[0]?.left.requests;
  const slots: number | null | undefined = router.snapshot().groups[0]?.deployments[0]?.limits.max_parallel_requests;
  const down: 'healthy' | 'partial' | 'down' | undefined = router.snapshot().groups[0]?.state;
  const spent: number | null | undefined = router.snapshot().budgets[0]?.spent ?? router.snapshot().groups[0]?.spend;
  const lost: number | undefined = router.snapshot().callbacks[0]?.lost;
  const leads: string | null | undefined = router.snapshot().aliases[0]?.model_group;
  const cache: { hits: number; shared: { state: 'ready' | 'away' } | null } | null = router.snapshot().cache;
  const store: { engine: string; state: 'shared' | 'alone'; last_error: string | null } | null = router.snapshot().store;
  const text: string = router.metrics();
  const ms: number | null | undefined = router.snapshot().groups[0]?.deployments[0]?.latency_ms;
  router.reload('model_list: []');
  const plan: Plan = router.explain({ ...full, top_k: 4 });
  const because: string | null | undefined = plan.groups[0]?.deployments[0]?.skipped ?? metadata.explain?.groups[0]?.skipped;
  const left: string[] = [...plan.order, ...(plan.fallbacks?.context_window ?? []), plan.resolved?.how ?? '', because ?? ''];
  const again: number | null | undefined = router.explainRaw('{}').groups[0]?.deployments[0]?.timeout;
  const score: number | null | undefined = plan.groups[0]?.deployments[0]?.score;
  const ended: boolean = await router.shutdown(100);
  await router.close();
  return [answer.body, answer.text ?? '', version, abiVersion, cost, tokens, kept, skipped, state, left, again, ended, ms, score, text].join();
}

export async function streamed(signal: AbortSignal): Promise<string> {
  const stream: ChatStream = await router.stream({ ...full, stream: true, stream_options: { include_usage: true } }, { signal });
  let text = '';
  for await (const chunk of stream) {
    const one: ChatChunk = chunk;
    const choice = one.choices[0];
    text += choice?.delta.content ?? choice?.delta.tool_calls?.[0]?.function?.arguments ?? choice?.finish_reason ?? '';
    if (one.usage?.total_tokens === 0) break;
  }
  const whole = await (await router.stream({ model: 'm', messages: [], top_k: 4 })).finalChatCompletion();
  const message: AnswerMessage = await stream.finalMessage();
  const next: Message[] = [...messages, message];
  const names: string[] = message.tool_calls?.map((call) => call.function.name) ?? [];
  const content: string | null = await stream.finalContent();
  const counted: number | undefined = (await stream.totalUsage())?.total_tokens;
  const soFar: string | null | undefined = stream.currentChatCompletionSnapshot?.choices[0]?.message.reasoning_content;
  await using raw = await router.streamRaw('{}', { signal });
  const reader = raw.toReadableStream().getReader();
  const read: ChatChunk | undefined = (await reader.read()).value;
  const ttft: number = stream.metadata.ttft_ms;
  const estimated: boolean = stream.metadata.usage_estimated ?? false;
  stream.cancel();
  stream.cancel(new Error('enough'));
  await stream.close();
  const ended = [whole.choices.length, next.length, names, content, counted, soFar];
  return [text, stream.text.length, read?.id, ttft, estimated, raw instanceof ChatStream, ended].join();
}

export async function others(signal: AbortSignal): Promise<string> {
  const vectors: EmbeddingResponse = await router.embedding({ model: 'm', input: ['a'], dimensions: 2, input_type: 'query' }, { signal });
  await router.embedding({ model: 'm', input: [[1], [2, 3]], encoding_format: 'base64', timeout: 5 });
  await router.embeddingRaw('{}', { signal });
  const number: number | undefined = vectors.vectors[0]?.[0];
  const embedding: string | number[] | undefined = vectors.data.data[0]?.embedding;
  const file: FileInput = { filename: 'a.wav', data: new Uint8Array(1) };
  const heard = await router.request<{ text: string }>('/audio/transcriptions', { model: 'm', file, num_retries: 1 }, { signal });
  const answer: Answer = await router.request('/v1/moderations', '{}');
  const body: string | Uint8Array = answer.body;
  const json: string = vectors.body;
  const stream: EventStream = await router.requestStream('/responses', { model: 'm', input: 'x' }, { signal });
  let text = '';
  for await (const event of stream) text += event.type ?? String(event['id']);
  for await (const { delta } of await router.requestStream<{ delta?: string }>('/responses', '{}')) text += delta ?? '';
  const either: EventStream<ChatChunk> = await router.stream({ model: 'm', messages: [] });
  await either.close();
  return [text, stream.text, number, embedding, heard.data.text, answer.contentType, body, json].join();
}

export function told(error: unknown): string | number | null {
  if (!(error instanceof RouterError)) throw error;
  if (error instanceof ContextWindowExceededError) return error.providerCode;
  if (error instanceof BadRequestError) return error.param;
  if (error instanceof RateLimitError) return error.retryAfterMs;
  if (error instanceof CancelledError) return String(error.cause);
  if (error instanceof APIError) return error.status;
  // Not `never`: no class is taken for all of them.
  return error.type === 'UnsupportedParamsError' ? error.deployment : error.message;
}

export async function disposed(): Promise<void> {
  await using other = Router.fromYaml('model_list: []');
  other.snapshot();
}

setLogListener((record) => console.log(record.level, record.message, record['deployment']), 'debug');
setLogListener(null);
router.setEventListener(({ event, level, deployment, phases, error_information: error, ...more }) => {
  const cost: number | null = more.response_cost;
  const failed: string | undefined = error?.error_class;
  if (event === 'call' && level === 'ERROR') console.log(deployment, failed, cost, phases.total_ms, more['newer']);
});
router.setEventListener(null);

export async function refused(answer: Response, error: RateLimitError): Promise<void> {
  // @ts-expect-error: made by fromYaml or fromFile
  new Router();
  // @ts-expect-error: no text
  Router.fromYaml(1);
  // @ts-expect-error: no text
  router.reload({ model_list: [] });
  // @ts-expect-error: tags are a list
  await router.completion({ model: 'm', messages: [], tags: 'a' });
  // @ts-expect-error: no messages
  await router.completion({ model: 'm' });
  // @ts-expect-error: no model
  await router.completion({ messages: [] });
  // @ts-expect-error: no such role
  await router.completion({ model: 'm', messages: [{ role: 'robot', content: 'Hi' }] });
  // @ts-expect-error: a part without its text
  await router.completion({ model: 'm', messages: [{ role: 'user', content: [{ type: 'text' }] }] });
  // @ts-expect-error: whole answers only
  await router.completion({ model: 'm', messages: [], stream: true });
  // @ts-expect-error: chunks only
  await router.stream({ model: 'm', messages: [], stream: false });
  // @ts-expect-error: opened by a router
  new ChatStream();
  // @ts-expect-error: a promise of a stream
  for await (const _ of router.stream({ model: 'm', messages: [] }));
  for await (const chunk of await router.stream({ model: 'm', messages: [] })) {
    // @ts-expect-error: there may be no choice
    chunk.choices[0].delta;
    // @ts-expect-error: a piece, not a message
    chunk.choices[0]?.message.content;
    // @ts-expect-error: there may be no content
    chunk.choices[0]?.delta.content.length;
  }
  // @ts-expect-error: there may be no text
  (await (await router.stream({ model: 'm', messages: [] })).finalContent()).length;
  // @ts-expect-error: a whole answer's has no such time
  answer.metadata.ttft_ms.toFixed();
  // @ts-expect-error: keys belong into the configuration
  await router.completion({ model: 'm', messages: [], api_key: 'sk-1' });
  // @ts-expect-error: a number
  await router.completion({ model: 'm', messages: [], temperature: 'hot' });
  // @ts-expect-error: no format is named so
  await router.completion({ model: 'm', messages: [], response_format: { type: 'xml' } });
  // @ts-expect-error: it fails or waits
  await router.completion({ model: 'm', messages: [], on_exhausted: 'maybe' });
  // @ts-expect-error: no class is named so
  await router.completion({ model: 'm', messages: [], retry_policy: { RateLimitErorr: 1 } });
  // @ts-expect-error: a fallback without a model
  await router.completion({ model: 'm', messages: [], fallbacks: [{ temperature: 1 }] });
  // @ts-expect-error: no messages
  router.explain({ model: 'm' });
  // @ts-expect-error: there may be no such group
  router.explainRaw('{}').resolved.group;
  // @ts-expect-error: a signal, not its controller
  await router.completion({ model: 'm', messages: [] }, { signal: new AbortController() });
  // @ts-expect-error: JSON text, not an object
  await router.completionRaw({});
  // @ts-expect-error: no input
  await router.embedding({ model: 'm' });
  // @ts-expect-error: no model
  await router.request('/responses', { input: 'x' });
  // @ts-expect-error: a path first
  await router.request({ model: 'm' });
  // @ts-expect-error: keys belong into the configuration
  await router.request('/responses', { model: 'm', api_key: 'sk-1' });
  // @ts-expect-error: it may be anything
  (await router.request('/responses', '{}')).data.output;
  // @ts-expect-error: it may be bytes
  (await router.request('/audio/speech', '{}')).body.toUpperCase();
  // @ts-expect-error: the time is required
  await router.shutdown();
  // @ts-expect-error: there may be no text
  answer.text.length;
  // @ts-expect-error: there may be no content
  answer.data.choices[0].message.content.length;
  // @ts-expect-error: read only
  answer.body = '';
  // @ts-expect-error: there may be no wait
  error.retryAfterMs.toFixed();
  // @ts-expect-error: null or a function
  router.setEventListener('loud');
  // @ts-expect-error: there may be no deployment
  router.setEventListener((event) => event.deployment.length);
  // @ts-expect-error: an attempt or a call
  router.setEventListener(({ event }) => event === 'stream');
  // @ts-expect-error: no level is named so
  setLogListener(() => {}, 'loud');
}
