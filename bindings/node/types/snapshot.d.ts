/** What a deployment may be asked; null where it has no such limit. */
export interface DeploymentLimits {
  /** Requests a minute. */
  rpm: number | null;
  /** Tokens a minute. */
  tpm: number | null;
  /** Those of prompts alone. */
  itpm: number | null;
  /** Those of answers alone. */
  otpm: number | null;
  max_parallel_requests: number | null;
  [member: string]: unknown;
}

/** What of the limits is left of the last minute; null where there is no limit. */
export interface DeploymentLeft {
  requests: number | null;
  tokens: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  [member: string]: unknown;
}

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
  /** Another process of the fleet had the failure, and told. */
  from_fleet: boolean;
  /** Attempts that run now. */
  in_flight: number;
  /** Requests of the last minute, those of other processes included. */
  rpm: number;
  /** Tokens of the last minute, likewise. */
  tpm: number;
  limits: DeploymentLimits;
  left: DeploymentLeft;
  /**
   * Of an answer, for each token of it where they are told; a failure counts as 1,000,000 for a minute. Null if nobody has
   * measured it.
   */
  latency_ms: number | null;
  /** To the first content of a stream, likewise. */
  ttft_ms: number | null;
  succeeded: number;
  failed: number;
  /** Dollars since the router was made; null where costs are not reckoned or not known. */
  spend: number | null;
  /** Null unless set. */
  weight: number | null;
  /** Null unless set. */
  order: number | null;
  tags: string[];
  [member: string]: unknown;
}

export interface GroupState {
  name: string;
  /** `healthy`: all its deployments are; `down`: none is. */
  state: 'healthy' | 'partial' | 'down';
  strategy: string;
  /** Of all its deployments. */
  in_flight: number;
  rpm: number;
  tpm: number;
  /** Null unless that of each deployment is known. */
  spend: number | null;
  deployments: DeploymentState[];
  [member: string]: unknown;
}

/** Another name of a group. */
export interface AliasState {
  name: string;
  /** Null if there is no such group. */
  model_group: string | null;
  hidden: boolean;
  [member: string]: unknown;
}

/** A budget and what was spent of it in the running period, in dollars. */
export interface BudgetState {
  kind: 'provider' | 'deployment' | 'tag';
  name: string;
  limit: number;
  spent: number;
  /** Seconds. */
  period_s: number;
  /** Unix milliseconds; null while nothing was spent. */
  resets_at: number | null;
  [member: string]: unknown;
}

/** How somebody is who is told of calls: the event listener (`listener`), the metrics, or a callback of the configuration. */
export interface CallbackState {
  name: string;
  state: 'on' | 'failing' | 'off';
  /** Events, spans or lines. */
  sent: number;
  /** What came too fast, or could not be delivered. */
  lost: number;
  waiting: number;
  /** Of the last change of state, Unix milliseconds. */
  since: number | null;
  /** Or why it is off. */
  last_error: string | null;
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

/** What processes share their state through. */
export interface StoreState {
  /** What it is, and where. */
  engine: string;
  /** `alone`: it is away, and each process goes by `mode`. */
  state: 'shared' | 'alone';
  mode: 'fail_open' | 'fail_closed' | 'local_share';
  /** Of the state. Unix milliseconds. */
  since: number;
  /** The last failure, also when it is over. */
  last_error: string | null;
  /** Those that lately used a deployment which this one uses, itself included. */
  processes: number;
  /** What the store was not told of yet. */
  pending: number;
  /** Waits of calls that had no answer. */
  misses: number;
  [member: string]: unknown;
}

/** The state of everything. */
export interface Snapshot {
  /** The library's version. */
  version: string;
  /** Attempts that run now. */
  in_flight: number;
  /** Calls that wait for a deployment to return. */
  waiting: number;
  groups: GroupState[];
  aliases: AliasState[];
  budgets: BudgetState[];
  /** Null without a cache. */
  cache: CacheState | null;
  /** How this process stands to what it shares state through; null if it shares nothing. */
  store: StoreState | null;
  callbacks: CallbackState[];
  warnings: ConfigWarning[];
  [member: string]: unknown;
}
