'use strict';

/**
 * @typedef {import('./native.js').Failure} Failure
 * @typedef {import('../types/errors').RouterErrorDetail} Detail
 * @typedef {import('../types/errors').RouterErrorClasses} Classes
 */

class RouterError extends Error {
  static type = 'RouterError';
  static code = 0;

  /**
   * @param {string} message
   * @param {Partial<Detail>} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(message, detail = {}, options) {
    super(message, options);
    this.type = detail.type ?? new.target.type;
    this.code = detail.code ?? new.target.code;
    this.status = detail.status ?? null;
    this.provider = detail.provider ?? null;
    this.model = detail.model ?? null;
    this.deployment = detail.deployment ?? null;
    this.param = detail.param ?? null;
    this.providerCode = detail.providerCode ?? null;
    this.retryable = detail.retryable ?? false;
    this.retryAfterMs = detail.retryAfterMs ?? null;
    this.attempts = detail.attempts ?? [];
    // Like a built-in error's: not among the members that are printed.
    Object.defineProperty(this, 'name', { value: this.type, writable: true, configurable: true });
  }
}

/** The library's classes and the number of each in `router_error_code_t`; 0 for the class of many statuses. */
const CODES = {
  InvalidArgumentError: 1,
  ConfigError: 2,
  CancelledError: 3,
  ShutDownError: 4,
  ForkedError: 5,
  InternalError: 6,
  InCallbackError: 7,
  BusyError: 8,
  BadRequestError: 400,
  AuthenticationError: 401,
  PermissionDeniedError: 403,
  NotFoundError: 404,
  Timeout: 408,
  UnprocessableEntityError: 422,
  RateLimitError: 429,
  InternalServerError: 500,
  BadGatewayError: 502,
  ServiceUnavailableError: 503,
  APIError: 0,
  APIConnectionError: 1001,
  APIResponseValidationError: 1002,
  StreamTruncatedError: 1003,
  ContextWindowExceededError: 1004,
  ContentPolicyViolationError: 1005,
  RouterRateLimitError: 1006,
  BudgetExceededError: 1007,
};

/** As in LiteLLM: a program that catches bad requests catches these. */
const BAD_REQUESTS = ['ContextWindowExceededError', 'ContentPolicyViolationError'];

/** @type {Map<string, typeof RouterError>} */
const byType = new Map([['RouterError', RouterError]]);
for (const [type, code] of Object.entries(CODES)) {
  const Base = (BAD_REQUESTS.includes(type) && byType.get('BadRequestError')) || RouterError;
  const Class = class extends Base {
    static type = type;
    static code = code;
  };
  Object.defineProperty(Class, 'name', { value: type });
  byType.set(type, Class);
}

/**
 * What the addon threw, as an error. Its `type` may be a subclass that has no class here, such as
 * UnsupportedParamsError: then the class is that of the code. Anything else that was thrown stays what it is.
 *
 * @param {unknown} thrown
 */
function errorOf(thrown) {
  if (thrown === null || typeof thrown !== 'object' || !('json' in thrown)) return thrown;
  const { code, name, json, retryAfterMs } = /** @type {Failure} */ (thrown);
  const { message, code: providerCode, ...members } = JSON.parse(json).error;
  const Class = byType.get(members.type) ?? byType.get(name) ?? RouterError;
  return new Class(message, { ...members, code, providerCode, retryAfterMs });
}

const classes = /** @type {Classes} */ (/** @type {unknown} */ (Object.fromEntries(byType)));

module.exports = { classes, errorOf };
