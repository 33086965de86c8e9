import type { ToolCall } from './completion';

/**
 * A chat completion in OpenAI's shape, and this router's options beside it. Everything that is not the router's goes to
 * the provider as it is, members that are not named here included.
 */
export interface CompletionRequest extends RouterOptions {
  /** A model group of the configuration, or an alias. */
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

/** Members of a request that are for the router and are not sent. */
export interface RouterOptions {
  /** For each attempt, seconds. */
  timeout?: number | null;
  /** Attempts in a group after the first. */
  num_retries?: number | null;
  /** Groups that answer when the first can't, in order, instead of the configured ones. */
  fallbacks?: readonly unknown[] | null;
  disable_fallbacks?: boolean | null;
  /** Merged into the body that is sent. */
  extra_body?: Readonly<Record<string, unknown>> | null;
  /** Sent beside the configured ones; never a credential. */
  extra_headers?: Readonly<Record<string, string>> | null;
  metadata?: Readonly<Record<string, unknown>> | null;
  /** Answers with this text, without a provider. */
  mock_response?: string | null;
  /** A key in a request is refused: keys belong into the configuration. */
  api_key?: never;
  /** An endpoint in a request is refused. */
  api_base?: never;
}

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
