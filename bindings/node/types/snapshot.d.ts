/** A deployment as the router sees it. */
export interface DeploymentState {
  id: string;
  provider: string;
  model: string;
  api_base: string | null;
  /** `cooling`: rests until `until`; `blocked`: can't be used at all, see `cause`. */
  state: 'healthy' | 'cooling' | 'blocked';
  /** Why it is not healthy. */
  cause: string | null;
  /** Unix milliseconds. */
  since: number | null;
  /** Unix milliseconds. */
  until: number | null;
  /** Attempts that run now. */
  in_flight: number;
  /** Requests of the last minute. */
  rpm: number;
  /** Tokens of the last minute. */
  tpm: number;
  /**
   * Of an answer, for each token of it where they are told; a failure counts as 1,000,000 for a minute. Null if nobody has
   * measured it.
   */
  latency_ms: number | null;
  /** To the first content of a stream, likewise. */
  ttft_ms: number | null;
  succeeded: number;
  failed: number;
  [member: string]: unknown;
}

export interface GroupState {
  name: string;
  deployments: DeploymentState[];
  [member: string]: unknown;
}

/** A setting that has no effect, or not the one that was meant. */
export interface ConfigWarning {
  /** Where in the configuration, such as `router_settings.num_retries`. */
  path: string;
  line: number;
  message: string;
}

/** The response cache. */
export interface CacheState {
  entries: number;
  /** In memory, of at most `max_bytes`. */
  bytes: number;
  max_bytes: number;
  hits: number;
  misses: number;
  /** Calls that waited for an equal one. */
  joined: number;
  stored: number;
  evicted: number;
  /** What other processes see, too; null if there is no such place. */
  shared: { name: string; state: 'ready' | 'away'; hits: number; unwritten: number } | null;
  [member: string]: unknown;
}

/** The state of everything. */
export interface Snapshot {
  /** The library's version. */
  version: string;
  groups: GroupState[];
  /** Null without a cache. */
  cache: CacheState | null;
  warnings: ConfigWarning[];
  [member: string]: unknown;
}
