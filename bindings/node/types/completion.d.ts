/** The provider's answer, in OpenAI's shape. Members that are not named here are kept and can be read as `unknown`. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Unix seconds. */
  created: number;
  /** The provider's own name of the model. */
  model: string;
  choices: Choice[];
  /** Null or absent if the provider does not count. */
  usage?: Usage | null;
  service_tier?: string | null;
  system_fingerprint?: string | null;
  [member: string]: unknown;
}

export interface Choice {
  index: number;
  message: AnswerMessage;
  finish_reason: FinishReason | null;
  logprobs?: Logprobs | null;
  [member: string]: unknown;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' | (string & {});

export interface AnswerMessage {
  role: 'assistant';
  /** Null if the model calls tools or refuses. */
  content: string | null;
  refusal?: string | null;
  tool_calls?: ToolCall[];
  /** What the model reasoned, of providers that tell. */
  reasoning_content?: string | null;
  [member: string]: unknown;
}

export interface ToolCall {
  id: string;
  type: 'function';
  function: {
    name: string;
    /** JSON as the model wrote it: it may be none. */
    arguments: string;
  };
}

export interface Logprobs {
  content?: TokenLogprob[] | null;
  refusal?: TokenLogprob[] | null;
}

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}

/** Tokens. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; audio_tokens?: number; [member: string]: unknown } | null;
  completion_tokens_details?: { reasoning_tokens?: number; audio_tokens?: number; [member: string]: unknown } | null;
  [member: string]: unknown;
}
