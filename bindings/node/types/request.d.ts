import type { ToolCall } from './completion';

/**
 * A chat completion in OpenAI's shape, and this router's options beside it. Everything that is not the router's goes to
 * the provider as it is, members that are not named here included.
 */
export interface CompletionRequest extends RouterOptions {
  /** A model group of the configuration, an alias, a name that a wildcard takes, or a deployment's id. */
  model: string;
  messages: readonly Message[];
  frequency_penalty?: number | null;
  logit_bias?: Readonly<Record<string, number>> | null;
  logprobs?: boolean | null;
  max_completion_tokens?: number | null;
  max_tokens?: number | null;
  n?: number | null;
  parallel_tool_calls?: boolean | null;
  presence_penalty?: number | null;
  reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | (string & {}) | null;
  response_format?: ResponseFormat | null;
  seed?: number | null;
  service_tier?: string | null;
  stop?: string | readonly string[] | null;
  /** An answer comes whole. */
  stream?: false | null;
  temperature?: number | null;
  tool_choice?: ToolChoice | null;
  tools?: readonly Tool[] | null;
  top_logprobs?: number | null;
  top_p?: number | null;
  user?: string | null;
}

/** The request of a stream: the same, and that is set for the caller. */
export interface StreamRequest extends Omit<CompletionRequest, 'stream'> {
  stream?: true | null;
  /** With `include_usage` the last chunk has the usage and no choices. The metadata has it either way. */
  stream_options?: { readonly include_usage?: boolean; readonly [member: string]: unknown } | null;
}

/** A request's word to the response cache. */
export interface CacheControl {
  /** Asked anew, and kept. */
  readonly 'no-cache'?: boolean;
  /** Not kept. */
  readonly 'no-store'?: boolean;
  /** How long the answer counts, seconds. */
  readonly ttl?: number;
  /** The oldest answer that will do, seconds. */
  readonly 's-maxage'?: number;
  /** Entries of another one are not seen. */
  readonly namespace?: string;
  /** What a cache with `mode: default_off` waits for. */
  readonly 'use-cache'?: boolean;
}

/** Members of a request that are for the router and are not sent. */
export interface RouterOptions {
  /** For each attempt, seconds. */
  timeout?: number | null;
  /** For the whole call, seconds: groups and deployments that may follow get their part of it. */
  deadline?: number | null;
  /** What happens when every deployment rests: it fails, or waits for the first that returns. */
  on_exhausted?: 'fail' | 'wait' | null;
  /** What the response cache does with the request, if the configuration has one. */
  cache?: CacheControl | null;
  /** False leaves the response cache out of it. */
  caching?: boolean | null;
  /** Attempts in a group after the first. */
  num_retries?: number | null;
  /** The same by class of failure, instead of the router's. */
  retry_policy?: RetryPolicy | null;
  /** The same by group. */
  model_group_retry_policy?: Readonly<Record<string, RetryPolicy>> | null;
  /**
   * Who answers when the first group can't, instead of the configured ones: groups in order, or lists by group. An empty
   * list turns fallbacks off.
   */
  fallbacks?: readonly FallbackTarget[] | FallbackLists | null;
  /** Who answers when the prompt is too long. */
  context_window_fallbacks?: FallbackLists | null;
  /** Who answers what a content policy refuses. */
  content_policy_fallbacks?: FallbackLists | null;
  disable_fallbacks?: boolean | null;
  /** No callback and no event listener hears of the call. */
  'no-log'?: boolean | null;
  /** Chooses among deployments in the place of the configured one. */
  routing_strategy?: RoutingStrategy | null;
  /**
   * Who may answer, where tags are heeded: deployments with one of these, with all of those that begin with `&`, with none
   * of those that begin with `!`. Budgets of tags are charged either way.
   */
  tags?: readonly string[] | null;
  /** Tags are heeded, whatever the configuration says. */
  enable_tag_filtering?: boolean | null;
  /** Only deployments of that `region_name` answer. */
  allowed_model_region?: string | null;
  /** `model` is a deployment's own model, such as `azure/gpt-4-eu`. */
  specific_deployment?: boolean | null;
  /** What a provider lacks is left out instead of refused. */
  drop_params?: boolean | null;
  /** Members, or paths such as `tools[*].strict`, that are never sent. */
  additional_drop_params?: readonly string[] | null;
  /** Members that are sent even to a provider that is known to lack them. */
  allowed_openai_params?: readonly string[] | null;
  /** What a provider would refuse may be changed until it fits. */
  modify_params?: boolean | null;
  /** Merged into the body that is sent. */
  extra_body?: Readonly<Record<string, unknown>> | null;
  /** Sent beside the configured ones; never a credential. */
  extra_headers?: Readonly<Record<string, string>> | null;
  /** Stays here. `explain: true` puts the plan into the answer's metadata. */
  metadata?: Readonly<Record<string, unknown>> & { readonly explain?: boolean } | null;
  /** Answers with this text, without a provider. */
  mock_response?: string | null;
  /** Answers with these calls. */
  mock_tool_calls?: readonly ToolCall[] | null;
  /** Is a time-out, after `timeout`. */
  mock_timeout?: boolean | null;
  /** The first group fails at once, so that its fallbacks answer. */
  mock_testing_fallbacks?: boolean | null;
  /** The same, by a prompt that is too long. */
  mock_testing_context_fallbacks?: boolean | null;
  /** The same, by a content policy. */
  mock_testing_content_policy_fallbacks?: boolean | null;
  /** The first attempt in each group is a rate limit, and is retried. */
  mock_testing_rate_limit_error?: boolean | null;
  /** A key in a request is refused: keys belong into the configuration. */
  api_key?: never;
  /** An endpoint in a request is refused. */
  api_base?: never;
}

/** How one of a group's deployments is chosen. */
export type RoutingStrategy =
  | 'simple-shuffle'
  | 'least-busy'
  | 'usage-based-routing-v2'
  | 'latency-based-routing'
  | 'cost-based-routing'
  | (string & {});

/** The classes by which failures are retried; the most specific one decides. `Default`: those without a number. */
export type RetryClass =
  | 'BadRequestError'
  | 'AuthenticationError'
  | 'Timeout'
  | 'TimeoutError'
  | 'RateLimitError'
  | 'ContentPolicyViolationError'
  | 'InternalServerError'
  | 'ServiceUnavailableError'
  | 'BadGatewayError'
  | 'NotFoundError'
  | 'Default';

/** Retries by class of failure, with LiteLLM's ending or without: `{ RateLimitErrorRetries: 3 }`. */
export type RetryPolicy = {
  readonly [key in RetryClass | `${RetryClass}Retries`]?: number | { readonly max_retries: number };
};

/** A group, or one with what it changes in the request. */
export type FallbackTarget = string | { readonly model: string; readonly [member: string]: unknown };

/** Fallbacks by group, in LiteLLM's form or as one object; those of `*` are for groups without a list. */
export type FallbackLists =
  | Readonly<Record<string, readonly FallbackTarget[]>>
  | readonly Readonly<Record<string, readonly FallbackTarget[]>>[];

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

export interface SystemMessage {
  role: 'system' | 'developer';
  content: string | readonly TextPart[];
  name?: string;
}

export interface UserMessage {
  role: 'user';
  content: string | readonly ContentPart[];
  name?: string;
}

export interface AssistantMessage {
  role: 'assistant';
  content?: string | readonly (TextPart | RefusalPart)[] | null;
  name?: string;
  refusal?: string | null;
  tool_calls?: readonly ToolCall[];
}

/** A tool's answer to the call with this id. */
export interface ToolMessage {
  role: 'tool';
  content: string | readonly TextPart[];
  tool_call_id: string;
}

export type ContentPart = TextPart | ImagePart | AudioPart | FilePart;

export interface TextPart {
  type: 'text';
  text: string;
}

export interface RefusalPart {
  type: 'refusal';
  refusal: string;
}

export interface ImagePart {
  type: 'image_url';
  /** A URL, or a `data:` URL with the image itself. */
  image_url: { url: string; detail?: 'auto' | 'low' | 'high' };
}

export interface AudioPart {
  type: 'input_audio';
  /** Base64. */
  input_audio: { data: string; format: 'wav' | 'mp3' };
}

export interface FilePart {
  type: 'file';
  file: { file_data?: string; file_id?: string; filename?: string };
}

export interface Tool {
  type: 'function';
  function: {
    name: string;
    description?: string;
    /** A JSON schema. */
    parameters?: Readonly<Record<string, unknown>>;
    strict?: boolean | null;
  };
}

export type ToolChoice = 'none' | 'auto' | 'required' | { type: 'function'; function: { name: string } };

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: {
        name: string;
        description?: string;
        schema?: Readonly<Record<string, unknown>>;
        strict?: boolean | null;
      };
    };
