import type { ChatCompletion } from './completion';
import type { Metadata } from './metadata';
import type { EmbeddingList } from './verbs';

/**
 * A finished call of any verb. Its parts are made when they are asked for; it stays usable when its router is closed.
 */
export class Answer<Data = unknown> {
  protected constructor();

  /**
   * The provider's answer: JSON text, byte for byte where the provider speaks OpenAI's shape. Sound and plain
   * transcripts are a `Buffer`.
   */
  readonly body: string | Uint8Array;

  /** The answer, parsed once; sound and plain transcripts as they are in `body`. */
  readonly data: Data;

  /** What `body` is: "application/json", or what the provider said of other bytes, such as "audio/mpeg". */
  readonly contentType: string;

  /**
   * The first choice's text, that of a response, a transcript; null if there is none, as with tool calls, embeddings and
   * sound.
   */
  readonly text: string | null;

  /** Who answered, what was tried, what it cost; parsed once. */
  readonly metadata: Metadata;

  /** `data`, for `JSON.stringify`. */
  toJSON(): Data;
}

/** The answer to a chat completion. */
export class Response extends Answer<ChatCompletion> {
  private constructor();
  readonly body: string;
}

/** The answer to a request for embeddings. */
export class EmbeddingResponse extends Answer<EmbeddingList> {
  private constructor();
  readonly body: string;

  /**
   * A vector for each input, in the order of `data.data`, those in Base64 decoded. Read once.
   * @throws {APIResponseValidationError} one in Base64 is no list of 32-bit numbers
   */
  readonly vectors: number[][];
}
