import type { Usage } from './completion';
import type { RouterOptions } from './request';

/** OpenAI's paths, written with or without "/v1". */
export type VerbPath =
  | StreamPath
  | '/embeddings'
  | '/moderations'
  | '/images/generations'
  | '/images/edits'
  | '/images/variations'
  | '/rerank'
  | '/audio/speech'
  | '/audio/transcriptions'
  | '/audio/translations';

/** Those whose answers may come as a stream. */
export type StreamPath = '/completions' | '/responses' | '/chat/completions' | (string & {});

/** A request of any verb in OpenAI's shape, and this router's options beside it. */
export interface VerbRequest extends RouterOptions {
  /** A model group of the configuration, an alias, a name that a wildcard takes, or a deployment's id. */
  model: string;
  /** The verb's own members. A file, or a list of files, stands here as a {@link FileInput} or as its bytes. */
  [member: string]: unknown;
}

/** A file in a request, such as sound to transcribe or an image to edit. */
export interface FileInput {
  /** Bytes, a `Buffer` included, or their Base64. */
  data: Uint8Array | string;
  /** Some providers go by its ending. "file" unless given. */
  filename?: string;
  /** "application/octet-stream" unless given. */
  content_type?: string;
}

/** A request for embeddings. */
export interface EmbeddingRequest extends RouterOptions {
  /** A model group of the configuration, an alias, a name that a wildcard takes, or a deployment's id. */
  model: string;
  /** A text, texts, the tokens of a text, or those of texts. */
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  /** Of each vector. */
  dimensions?: number | null;
  /** An answer in Base64 has a third of the size. */
  encoding_format?: 'float' | 'base64' | null;
  user?: string | null;
}

/** Embeddings, in OpenAI's shape. Members that are not named here are kept and can be read as `unknown`. */
export interface EmbeddingList {
  object: 'list';
  data: Embedding[];
  /** The provider's own name of the model. */
  model: string;
  usage?: Usage | null;
  [member: string]: unknown;
}

export interface Embedding {
  object: 'embedding';
  /** Of the input. */
  index: number;
  /** Numbers, or the Base64 of little-endian 32-bit ones, as was asked for: `vectors` has numbers either way. */
  embedding: number[] | string;
  [member: string]: unknown;
}
