import type { Attempt } from './metadata';

/** What an error says beside its message. */
export interface RouterErrorDetail {
  /**
   * LiteLLM's class, such as `"RateLimitError"`: the name of the error's class, or of a subclass of it that has no
   * class here, such as `"UnsupportedParamsError"`.
   */
  type: string;
  /** `router_error_code_t`: below 400 local, 400 to 599 an HTTP status, from 1001 what no status says. */
  code: number;
  /** The HTTP status: the provider's own, or the one that a proxy would answer with; null where none fits. */
  status: number | null;
  provider: string | null;
  /** The provider's own name of the model. */
  model: string | null;
  /** The id of the deployment that failed last. */
  deployment: string | null;
  /** The member of the request that is at fault. */
  param: string | null;
  /** The provider's own code, such as `"context_length_exceeded"`. */
  providerCode: string | null;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** After how many milliseconds to try again; null if that is not known. */
  retryAfterMs: number | null;
  /** Everything that was tried, in order. */
  attempts: Attempt[];
}

/** Why something failed. Match by class (`instanceof RateLimitError`) or by `type`. */
export class RouterError extends Error implements RouterErrorDetail {
  constructor(message: string, detail?: Partial<RouterErrorDetail>, options?: { cause?: unknown });
  readonly type: string;
  readonly code: number;
  readonly status: number | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly deployment: string | null;
  readonly param: string | null;
  readonly providerCode: string | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly attempts: Attempt[];
  /** Of a {@link CancelledError}: the signal's `reason`. */
  cause?: unknown;
}

/** An argument of the wrong type, or a request that is no JSON. Nothing was sent. */
export class InvalidArgumentError extends RouterError { readonly code: 1; }
/** The configuration can't be used; the message names path, line and column. */
export class ConfigError extends RouterError { readonly code: 2; }
/** Cancelled by the caller's signal, whose `reason` is the `cause`. */
export class CancelledError extends RouterError { readonly code: 3; }
/** The router was closed or is shutting down. */
export class ShutDownError extends RouterError { readonly code: 4; }
/** The router was made in another process, from which this one was forked. */
export class ForkedError extends RouterError { readonly code: 5; }
/** A fault of the library. The router stays usable. */
export class InternalError extends RouterError { readonly code: 6; }
/** A function that waits was called inside a callback of the library. */
export class InCallbackError extends RouterError { readonly code: 7; }
/** Another reader is not finished. */
export class BusyError extends RouterError { readonly code: 8; }
/** The request is wrong, for this provider or for any. */
export class BadRequestError extends RouterError { readonly code: 400 | 413 | 424 | 1004 | 1005; }
/** The key is missing or refused. */
export class AuthenticationError extends RouterError { readonly code: 401; }
/** The key may not do this. */
export class PermissionDeniedError extends RouterError { readonly code: 403; }
/** The provider does not know the model or the path. */
export class NotFoundError extends RouterError { readonly code: 404; }
/** No answer in time. */
export class Timeout extends RouterError { readonly code: 408; }
/** The provider understands the request and refuses it. */
export class UnprocessableEntityError extends RouterError { readonly code: 422; }
/** The provider's rate limit. `retryAfterMs` is what it asked for. */
export class RateLimitError extends RouterError { readonly code: 429; }
/** The provider failed within itself, or is overloaded. */
export class InternalServerError extends RouterError { readonly code: 500 | 529; }
/** The provider's gateway could not reach it. */
export class BadGatewayError extends RouterError { readonly code: 502; }
/** The provider is unavailable. */
export class ServiceUnavailableError extends RouterError { readonly code: 503; }
/** Any other status of a provider; `code` is that status. */
export class APIError extends RouterError { readonly status: number; }
/** Name resolution, TCP, TLS or a reset connection. */
export class APIConnectionError extends RouterError { readonly code: 1001; }
/** The provider's answer can't be read. */
export class APIResponseValidationError extends RouterError { readonly code: 1002; }
/** An answer that came in pieces ended without its terminator. */
export class StreamTruncatedError extends RouterError { readonly code: 1003; }
/** More tokens than the model's context window holds. */
export class ContextWindowExceededError extends BadRequestError { readonly code: 1004; }
/** The provider's content policy refuses this. */
export class ContentPolicyViolationError extends BadRequestError { readonly code: 1005; }
/** Every candidate is cooling down, full or over its own limit; `retryAfterMs` is when the first one returns. */
export class RouterRateLimitError extends RouterError { readonly code: 1006; }
/** A budget of the request itself is spent. */
export class BudgetExceededError extends RouterError { readonly code: 1007; }

/** All of them, by name. */
export type RouterErrorClasses = Omit<typeof import('./errors'), never>;
