/// <reference lib="esnext.disposable" />

import type { RouterEvent } from './types/event';
import type { LogLevel, LogRecord } from './types/log';
import type { Plan } from './types/plan';
import type { CompletionRequest, StreamRequest } from './types/request';
import type { Answer, EmbeddingResponse, Response } from './types/response';
import type { Snapshot } from './types/snapshot';
import type { ChatStream, EventStream, StreamEvent } from './types/stream';
import type { EmbeddingRequest, StreamPath, VerbPath, VerbRequest } from './types/verbs';

export * from './types/chunk';
export * from './types/completion';
export * from './types/event';
export * from './types/log';
export * from './types/metadata';
export * from './types/plan';
export * from './types/request';
export * from './types/response';
export * from './types/snapshot';
export * from './types/stream';
export * from './types/verbs';
export {
  APIConnectionError,
  APIError,
  APIResponseValidationError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  BudgetExceededError,
  BusyError,
  CancelledError,
  ConfigError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  ForkedError,
  InCallbackError,
  InternalError,
  InternalServerError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  RouterError,
  RouterErrorDetail,
  RouterRateLimitError,
  ServiceUnavailableError,
  ShutDownError,
  StreamTruncatedError,
  Timeout,
  UnprocessableEntityError,
} from './types/errors';

/** The library's version, such as "0.1.0". */
export const version: string;

/** The library's ABI: major << 16 | minor. Loading fails if it does not fit the addon. */
export const abiVersion: number;

/** Any `AbortSignal`: of Node, of a browser's types, or of a library. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface CallOptions {
  /**
   * Cancels the call. It is then rejected with a {@link CancelledError}, whose `cause` is the signal's `reason` (unless
   * an answer won the race). With a signal that is aborted already, nothing is sent.
   */
  signal?: AbortSignalLike | null;
}

/**
 * Configuration, deployments, connections and worker threads, which start with the first call. Calls keep the process
 * alive while they run; an idle router does not. One that is not closed is closed when nothing refers to it any more,
 * or when its thread ends.
 */
export class Router {
  private constructor();

  /**
   * Makes a router from YAML (or JSON) text. Blocks while it is read.
   * @throws {ConfigError} naming path, line and column
   */
  static fromYaml(text: string): Router;

  /**
   * Makes a router from a file: a path, or a `URL` with the scheme `file:`. Blocks while it is read.
   * @throws {ConfigError} naming path, line and column
   */
  static fromFile(path: string | { readonly href: string }): Router;

  /**
   * Puts another configuration, YAML (or JSON) text, in the place of this one. Calls that have begun keep theirs; what was
   * learnt of a deployment whose id stays (health, use, latency) is kept. Blocks while it is read, as making a router
   * does.
   * @throws {ConfigError} naming path, line and column; then nothing has changed
   * @throws {ShutDownError} after `close`
   */
  reload(text: string): void;

  /**
   * Sends a chat completion. Members that the types do not name go to the provider too.
   * Rejects with a {@link RouterError}, whatever the fault is.
   */
  completion<Request extends CompletionRequest>(request: Request, options?: CallOptions): Promise<Response>;

  /** The same with a request that is JSON already: text, or its UTF-8 bytes. */
  completionRaw(json: string | Uint8Array, options?: CallOptions): Promise<Response>;

  /**
   * Sends a chat completion whose answer arrives in chunks. Resolves with its first content: retries and failover are
   * behind it. Rejects with a {@link RouterError}, whatever the fault is.
   */
  stream<Request extends StreamRequest>(request: Request, options?: CallOptions): Promise<ChatStream>;

  /** The same with a request that is JSON already. */
  streamRaw(json: string | Uint8Array, options?: CallOptions): Promise<ChatStream>;

  /**
   * Asks for embeddings. Members that the types do not name go to the provider too.
   * Rejects with a {@link RouterError}, whatever the fault is.
   */
  embedding<Request extends EmbeddingRequest>(request: Request, options?: CallOptions): Promise<EmbeddingResponse>;

  /** The same with a request that is JSON already. */
  embeddingRaw(json: string | Uint8Array, options?: CallOptions): Promise<EmbeddingResponse>;

  /**
   * Sends a request of any verb. The request is an object, whose files may be bytes (see {@link FileInput}), or JSON
   * already: text, or its UTF-8 bytes. Rejects with a {@link RouterError}, whatever the fault is: an
   * {@link InvalidArgumentError} if the path is not known.
   */
  request<Data = unknown>(
    path: VerbPath,
    request: VerbRequest | string | Uint8Array,
    options?: CallOptions,
  ): Promise<Answer<Data>>;

  /**
   * Sends a request whose answer arrives in events, as `stream` does. Rejects with a {@link BadRequestError} if answers
   * of this verb come only whole.
   */
  requestStream<Event extends object = StreamEvent>(
    path: StreamPath,
    request: VerbRequest | string | Uint8Array,
    options?: CallOptions,
  ): Promise<EventStream<Event>>;

  /**
   * What would happen to a request now: names resolved, the groups in the order in which they would be visited, and of
   * each the deployments with their chance to be asked first, or why they would not be. Sends nothing and does not wait.
   * @throws {RouterError} what the call would be rejected with before it sends
   */
  explain<Request extends CompletionRequest>(request: Request): Plan;

  /** The same with a request that is JSON already. */
  explainRaw(json: string | Uint8Array): Plan;

  /**
   * The state of every group and deployment, now.
   * @throws {ShutDownError} after `close`
   */
  snapshot(): Snapshot;

  /**
   * Has `listener` hear each attempt and each call that ends from now on, once; null turns it off. It is called on this
   * thread, does not keep the process alive, and ends with the router: `close` resolves when it has heard the last event.
   * No call waits for it: while the event loop is busy, up to 17,000 events wait, and then the oldest are lost. A
   * listener that refers to its router keeps that from being collected; close such a router.
   * @throws {ShutDownError} after `close`
   */
  setEventListener(listener: ((event: RouterEvent) => void) | null): void;

  /**
   * All metrics in Prometheus' text format 0.0.4 (`text/plain; version=0.0.4`), for a program that serves them itself.
   * Waits up to 100 ms until what has happened is counted. Where the configuration asks for no metrics, events are
   * counted from the first call on.
   * @throws {ShutDownError} after `close`
   */
  metrics(): string;

  /**
   * Refuses new calls from now on and waits up to `drainMs` milliseconds for those that run. Resolves to whether all
   * have ended; what is left keeps running. The event loop is not blocked.
   */
  shutdown(drainMs: number): Promise<boolean>;

  /**
   * Ends what runs: those calls are rejected with a {@link ShutDownError}. Resolves when threads and connections are
   * gone. May be called more than once. The event loop is not blocked.
   */
  close(): Promise<void>;

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Sends the library's log to `listener`, up to `level` ("info" unless given); null turns it off. The process has one
 * listener: it belongs to the thread (main or worker) that has set it last, and ends with that thread. It does not keep
 * the process alive. Up to 10,000 records wait for a busy event loop; a record tells how many more there were.
 */
export function setLogListener(listener: ((record: LogRecord) => void) | null, level?: LogLevel): void;
