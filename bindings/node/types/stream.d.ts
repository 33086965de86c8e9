import type { ChatChunk } from './chunk';
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

/** A chat completion that arrives in chunks. */
export class ChatStream extends EventStream<ChatChunk> {
  private constructor();
}

declare global {
  // Node's types and a browser's have more to say about it; a program may have neither.
  interface ReadableStream<R = any> {}
}
