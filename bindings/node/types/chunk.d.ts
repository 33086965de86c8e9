import type { FinishReason, Logprobs, Usage } from './completion';

/** One piece of an answer, in OpenAI's shape. Members that are not named here are kept and can be read as `unknown`. */
export interface ChatChunk {
  id: string;
  object: 'chat.completion.chunk';
  /** Unix seconds. */
  created: number;
  /** The provider's own name of the model. */
  model: string;
  /** None in the chunk that has the usage. */
  choices: ChunkChoice[];
  /** In the last chunk, if the request has `stream_options: { include_usage: true }`. */
  usage?: Usage | null;
  service_tier?: string | null;
  system_fingerprint?: string | null;
  [member: string]: unknown;
}

export interface ChunkChoice {
  index: number;
  delta: Delta;
  /** Null until the choice's last chunk. */
  finish_reason?: FinishReason | null;
  logprobs?: Logprobs | null;
  [member: string]: unknown;
}

/** What a chunk adds to a message. */
export interface Delta {
  /** In the first chunk. */
  role?: 'assistant';
  content?: string | null;
  refusal?: string | null;
  tool_calls?: ToolCallDelta[];
  /** What the model reasons, of providers that tell. */
  reasoning_content?: string | null;
  [member: string]: unknown;
}

/** What a chunk adds to the tool call at `index`: its arguments come in pieces. */
export interface ToolCallDelta {
  index: number;
  id?: string;
  type?: 'function';
  function?: { name?: string; arguments?: string };
  [member: string]: unknown;
}
