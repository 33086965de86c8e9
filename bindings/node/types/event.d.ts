import type { LogLevel } from './log';
import type { Attempt } from './metadata';

/** Where the time of an attempt or a call went, milliseconds. All of them together are `total_ms`. */
export interface EventPhases {
  /** The name was looked up; 0 on a connection that was there. */
  resolve_ms: number;
  /** TCP and TLS; 0 on a connection that was there. */
  connect_ms: number;
  /** From there to the answer's headers. */
  headers_ms: number;
  /** From there to the first content of a stream, or to the end of a whole answer. */
  first_content_ms: number;
  /** The rest of a stream. */
  stream_ms: number;
  /** Of a call: beside its attempts, waits included. */
  router_ms: number;
  total_ms: number;
}

/** Why an attempt or a call failed. */
export interface EventError {
  /** The HTTP status; empty if there was none. */
  error_code: string;
  /** Such as "RateLimitError". */
  error_class: string;
  /** Empty if nobody was asked. */
  llm_provider: string;
  /** Without secrets. */
  error_message: string;
  /** The provider's own code. */
  provider_code: string | null;
  /** The id that the provider gave the request. */
  error_provider_request_id: string | null;
  /** Seconds. */
  retry_after: number | null;
  /** Always empty. */
  traceback: string;
}

/**
 * An attempt that ended, or a call: LiteLLM's standard logging payload, with the router's own members beside it. Every
 * event has every member.
 */
export interface RouterEvent {
  event: 'attempt' | 'call';
  /** WARN for an attempt that failed, ERROR for a call that failed; who was cancelled is INFO. */
  level: Uppercase<Extract<LogLevel, 'error' | 'warn' | 'info'>>;
  /** The answer's id; `litellm_call_id` where there is none. */
  id: string;
  /** The number of the call in its router. */
  call_id: number;
  /** The request's `litellm_call_id`, else a UUID; the same on all events of a call, as the ids below. */
  litellm_call_id: string;
  /** The request's `litellm_trace_id` or `metadata.trace_id`, else `litellm_call_id`. */
  trace_id: string;
  /** The request's `litellm_session_id` or `metadata.session_id`. */
  session_id: string | null;
  /** Such as "acompletion" or "aembedding". */
  call_type: string;
  stream: boolean;
  status: 'success' | 'failure';
  status_fields: { llm_api_status: 'success' | 'failure'; guardrail_status: 'not_run' };
  /** Such as "openai"; null if nobody was asked. */
  custom_llm_provider: string | null;
  /** Provider and model, such as "openai/gpt-4o". */
  model: string | null;
  /** The request's `model`. */
  requested_model: string;
  /** The same as `deployment`. */
  model_id: string | null;
  /** That answered, or was asked last. */
  model_group: string;
  /** The id of the deployment that answered, or was asked last. */
  deployment: string | null;
  api_base: string | null;
  /** Of an attempt its number, from 1; of a call how many there were. */
  attempt: number;
  /** An attempt itself; of a call all, in order, with what was passed over. */
  attempts: Attempt[];
  /** Groups left behind. */
  fallbacks: number;
  /** The groups that were asked, in order. */
  fallback_chain: string[];
  /** Seconds since 1970, as the next two. */
  startTime: number;
  endTime: number;
  /** When the first content of a stream came; `endTime` for a whole answer. */
  completionStartTime: number;
  /** Seconds; of a stream until its first content. */
  response_time: number;
  phases: EventPhases;
  /** The router's own part of a call, of a stream until its first content; null for an attempt, and for a call that was cancelled before its answer. */
  overhead_ms: number | null;
  /** Of a stream: until its first content. */
  ttft_ms: number | null;
  /** 0 where nothing is known. */
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** The provider did not tell; the router reckoned. */
  usage_estimated: boolean;
  /** US dollars; null where no price is known. 0 for what was kept, or failed before its first content. */
  response_cost: number | null;
  /** What a kept answer would have cost, null where no price is known; 0 for all else. */
  saved_cache_cost: number | null;
  /** Null where no price is known. */
  cost_breakdown: { input_cost: number; output_cost: number; total_cost: number } | null;
  response_cost_failure_debug_info: null;
  /** A kept answer was given: nothing was sent. */
  cache_hit: boolean;
  /** What it was kept under. */
  cache_key: string | null;
  /** The request's tags. */
  request_tags: string[];
  /** The request's `metadata.user_api_key_end_user_id`, `user` or `metadata.user_id`. */
  end_user: string | null;
  /** From the request's metadata, as the next one. */
  requester_ip_address: string | null;
  user_agent: string | null;
  /** What was asked; null unless content is logged. */
  messages: unknown;
  /** What was answered, an OpenAI response; null unless content is logged. */
  response: unknown;
  error_str: string | null;
  /** Null on success. */
  error_information: EventError | null;
  /** The request's parameters without its prompt. */
  model_parameters: Record<string, unknown>;
  /** Members of the request that had no effect. */
  dropped_params: string[];
  hidden_params: {
    model_id: string | null;
    cache_key: string | null;
    api_base: string | null;
    response_cost: number | null;
    litellm_overhead_time_ms: number | null;
    /** The provider's headers on rate limits, waits and request ids, of a refusal as well. */
    additional_headers: Record<string, string>;
    litellm_model_name: string | null;
    /** The usage as the provider wrote it. */
    usage_object: Record<string, unknown> | null;
  };
  model_map_information: { model_map_key: string | null; model_map_value: null };
  metadata: {
    /** The request's own `metadata` and `litellm_metadata`. */
    requester_metadata: Record<string, unknown>;
    model_group: string;
    original_model_group: string;
    attempted_retries: number;
    attempted_fallbacks: number;
    tags: string[];
    user_api_key_end_user_id: string | null;
    usage_object: Record<string, unknown> | null;
    /** A copy for a `silent_model`. */
    is_silent_experiment: boolean;
  };
  guardrail_information: null;
  /** What a newer library adds. */
  [member: string]: unknown;
}
