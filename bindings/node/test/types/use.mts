// Programs as users write them: what must compile, and what must not.

import {
  APIError,
  BadRequestError,
  CancelledError,
  type CompletionRequest,
  ContextWindowExceededError,
  type Message,
  type Metadata,
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
  fallbacks: ['gpt-3.5-turbo'],
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
  const ended: boolean = await router.shutdown(100);
  await router.close();
  return [answer.body, answer.text ?? '', version, abiVersion, cost, tokens, kept, skipped, state, ended].join();
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

export async function refused(answer: Response, error: RateLimitError): Promise<void> {
  // @ts-expect-error: made by fromYaml or fromFile
  new Router();
  // @ts-expect-error: no text
  Router.fromYaml(1);
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
  // @ts-expect-error: keys belong into the configuration
  await router.completion({ model: 'm', messages: [], api_key: 'sk-1' });
  // @ts-expect-error: a number
  await router.completion({ model: 'm', messages: [], temperature: 'hot' });
  // @ts-expect-error: no format is named so
  await router.completion({ model: 'm', messages: [], response_format: { type: 'xml' } });
  // @ts-expect-error: a signal, not its controller
  await router.completion({ model: 'm', messages: [] }, { signal: new AbortController() });
  // @ts-expect-error: JSON text, not an object
  await router.completionRaw({});
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
  // @ts-expect-error: no level is named so
  setLogListener(() => {}, 'loud');
}
