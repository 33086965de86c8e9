import type { ChatChunk } from './chunk';
import type { AnswerMessage, ChatCompletion, Usage } from './completion';
import type { StreamMetadata } from './metadata';

/** One piece of an answer: an event of "/responses", which has a `type`, or a chunk of "/completions". */
export interface StreamEvent {
  /** Such as "response.output_text.delta". */
  type?: string;
  [member: string]: unknown;
}

/**
 * An answer that arrives in events. It ends once, with its last event or with a {@link RouterError}, which every later
 * read rejects with too: one that is cut off never looks whole. One that is dropped unread is cancelled when it is
 * collected; while nobody reads, it does not keep the process alive.
 */
export class EventStream<Event extends object = StreamEvent> implements AsyncIterable<Event> {
  protected constructor();

  /**
   * The events that were not read yet, in order. Leaving the loop cancels the rest. Several readers share the events
   * between them.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event>;

  /** The text of the answer, of several choices the first one's, as far as it was read. */
  readonly text: string;

  /** Who answers and what was tried; complete when the stream has ended or `close` has resolved. */
  readonly metadata: StreamMetadata;

  /**
   * Ends the stream early: who reads on is rejected with a {@link CancelledError} whose `cause` is `reason`. Nothing
   * happens to one that has ended.
   */
  cancel(reason?: unknown): void;

  /** `cancel`; resolves when the connection is let go. Never rejects, and may be called more than once. */
  close(): Promise<void>;

  /** The events that were not read yet as a web stream, for `pipeTo` and frameworks; cancelling it cancels this. */
  toReadableStream(): ReadableStream<Event>;

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A chat completion that arrives in chunks, and is put together again from them. */
export class ChatStream extends EventStream<ChatChunk> {
  private constructor();

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
}

declare global {
  // Node's types and a browser's have more to say about it; a program may have neither.
  interface ReadableStream<R = any> {}
}
