import type { Usage } from './completion';
import type { Plan } from './plan';

/** One try of one deployment, or a deployment or group that was passed over. */
export interface Attempt {
  /** The deployment's id; null where the whole group was passed over. */
  deployment: string | null;
  model_group: string;
  /** The HTTP status; null if there was none. */
  status: number | null;
  /** The error's class, such as "RateLimitError"; null if the attempt succeeded. */
  error: string | null;
  /** Milliseconds. */
  ms: number;
  /** Why nothing was sent; null where something was. */
  skipped: string | null;
}

/** What the router adds to an answer. */
export interface Metadata {
  /** The call's number in this router. */
  call_id: number;
  /** The id of the deployment that answered. */
  deployment: string | null;
  /** The group that answered: another than was asked for after a fallback. */
  model_group: string | null;
  provider: string | null;
  /** The provider's own name of the model. */
  model: string | null;
  api_base: string | null;
  /** In order, the one that answered included. */
  attempts: Attempt[];
  /** How many groups were left behind. */
  fallbacks: number;
  /** Answered by what was kept: nothing was sent, and the cost is 0. */
  cache_hit: boolean;
  /** Under which it was kept; of a hit only. */
  cache_key?: string;
  /** As the provider counted; null if it did not. */
  usage: Usage | null;
  /** US dollars; null where no price is known. */
  cost: number | null;
  /** Of the whole call, milliseconds. */
  latency_ms: number;
  /** The router's own part of it, milliseconds. */
  overhead_ms: number;
  /** Members of the request that had no effect. */
  dropped_params: string[];
  /** What was planned; only if the request has `metadata: { explain: true }`. */
  explain?: Plan;
  /** What the answer is; absent for JSON. */
  content_type?: string;
  /** The provider's headers on rate limits, waits and request ids; names in lower case. */
  headers: Record<string, string>;
  /** What a newer library adds. */
  [member: string]: unknown;
}

/** What the router adds to a stream. Usage and the time of the whole are there when it has ended. */
export interface StreamMetadata extends Metadata {
  /** From the start of the call to the first content, milliseconds. */
  ttft_ms: number;
  /** The provider did not count: `usage` is estimated from the texts. */
  usage_estimated?: true;
}
