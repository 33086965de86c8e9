/// <reference lib="esnext.disposable" />

import type { ChatChunk } from './types/chunk';
import type { AnswerMessage, ChatCompletion, Usage } from './types/completion';
import type { LogLevel, LogRecord } from './types/log';
import type { Metadata, StreamMetadata } from './types/metadata';
import type { Plan } from './types/plan';
import type { CompletionRequest, StreamRequest } from './types/request';
import type { Snapshot } from './types/snapshot';

export * from './types/chunk';
export * from './types/completion';
export * from './types/log';
export * from './types/metadata';
export * from './types/plan';
export * from './types/request';
export * from './types/snapshot';
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

/** A finished call. Its parts are made when they are asked for; it stays usable when its router is closed. */
export class Response {
  private constructor();

  /** The provider's answer as JSON text, byte for byte where the provider speaks OpenAI's shape. */
  readonly body: string;

  /** The answer, parsed once. */
  readonly data: ChatCompletion;

  /** The first choice's text; null if it has none, as with tool calls. */
  readonly text: string | null;

  /** Who answered, what was tried, what it cost; parsed once. */
  readonly metadata: Metadata;

  /** `data`, for `JSON.stringify`. */
  toJSON(): ChatCompletion;
}

/**
 * An answer that arrives in chunks. It ends once, with its last chunk or with a {@link RouterError}, which every later
 * read rejects with too: one that is cut off never looks whole. One that is dropped unread is cancelled when it is
 * collected; while nobody reads, it does not keep the process alive.
 */
export class ChatStream implements AsyncIterable<ChatChunk> {
  private constructor();

  /**
   * The chunks that were not read yet, in order. Leaving the loop cancels the rest. Several readers share the chunks
   * between them.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChatChunk>;

  /** The first choice's text, of the chunks that were read so far. */
  readonly text: string;

  /** Who answers and what was tried; complete when the stream has ended or `close` has resolved. */
  readonly metadata: StreamMetadata;

  /**
   * Reads what was not read yet, to the end, and resolves to the whole answer as `completion` would have brought it,
   * every choice in it: in the place of a loop, or after one. Rejects with what the stream ends with, as any read does:
   * then `currentChatCompletionSnapshot` is what came. `usage` is there if the provider counted.
   */
  finalChatCompletion(): Promise<ChatCompletion>;

  /**
   * The same, and of it the first choice's message: text, refusal, tool calls put together from their pieces, what was
   * reasoned as `reasoning_content`. It can be pushed to the `messages` of the next request as it is.
   */
  finalMessage(): Promise<AnswerMessage>;

  /** The same, and of it the first choice's text; null if it has none, as with tool calls. */
  finalContent(): Promise<string | null>;

  /** The same, and then the tokens: counted by the provider, or estimated (`metadata.usage_estimated`). */
  totalUsage(): Promise<Usage | null>;

  /** The answer so far, made of the chunks that were read; undefined before the first. Made anew each time. */
  readonly currentChatCompletionSnapshot: ChatCompletion | undefined;

  /**
   * Ends the stream early: who reads on is rejected with a {@link CancelledError} whose `cause` is `reason`. Nothing
   * happens to one that has ended.
   */
  cancel(reason?: unknown): void;

  /** `cancel`; resolves when the connection is let go. Never rejects, and may be called more than once. */
  close(): Promise<void>;

  /** The chunks that were not read yet as a web stream, for `pipeTo` and frameworks; cancelling it cancels this. */
  toReadableStream(): ReadableStream<ChatChunk>;

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

declare global {
  // Node's types and a browser's have more to say about it; a program may have neither.
  interface ReadableStream<R = any> {}
}

/**
 * Sends the library's log to `listener`, up to `level` ("info" unless given); null turns it off. The process has one
 * listener: it belongs to the thread (main or worker) that has set it last, and ends with that thread. It does not keep
 * the process alive. Up to 10,000 records wait for a busy event loop; a record tells how many more there were.
 */
export function setLogListener(listener: ((record: LogRecord) => void) | null, level?: LogLevel): void;
