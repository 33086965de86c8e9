/** By which rule a name was understood; `default_fallback`: it leads nowhere, so the first of these answers. */
export type ResolvedBy = 'group' | 'alias' | 'wildcard' | 'deployment' | 'model' | 'default_fallback' | (string & {});

/** A deployment of a group that would be visited. */
export interface PlannedDeployment {
  id: string;
  provider: string;
  /** The provider's own name of the model. */
  model: string;
  /** Its level: those of a lower one are asked first. Null if it has none. */
  order: number | null;
  /** The chance to be asked first, from 0 to 1. */
  share: number;
  /**
   * What the group's strategy judges it by: its weight (or rpm, or tpm) by `simple-shuffle`, else the least wins: calls in
   * flight, tokens of the last minute, seconds, dollars a token. Null if nothing is known of it; none if it can't be used.
   */
  score?: number | null;
  /** Attempts that run now. */
  in_flight: number;
  /** Of an attempt, seconds; null if it can't be used. */
  timeout: number | null;
  /** Why it would not be asked now. */
  skipped: string | null;
  [member: string]: unknown;
}

/** A group that would be visited, or passed over. */
export interface PlannedGroup {
  name: string;
  /** The name that led here. */
  asked: string;
  /** By which rule; null if it leads nowhere. */
  how: ResolvedBy | null;
  /** Why it would be passed over. */
  skipped: string | null;
  /** How one of its deployments would be chosen; none if it leads nowhere. */
  strategy?: string;
  /** Attempts after the first, unless a retry policy says otherwise; null if nobody could make one. */
  retries: number | null;
  /** In the order of the configuration. */
  deployments: PlannedDeployment[];
  [member: string]: unknown;
}

/** The groups that answer after a failure of the one that was asked for, by its kind. */
export interface PlannedFallbacks {
  generic: string[];
  context_window: string[];
  content_policy: string[];
  /** Who named them. */
  source: 'request' | 'lists';
}

/** What would happen to a request. */
export interface Plan {
  /** As the request names it. */
  model: string;
  /** What that leads to; null if it leads nowhere and fallbacks answer in its stead. */
  resolved: { group: string; how: ResolvedBy } | null;
  /** The router's. */
  strategy: string;
  /** The groups that would be visited, each if those before it failed by a fault of their servers. */
  order: string[];
  /** The same, with those that would be passed over among them. */
  groups: PlannedGroup[];
  /** Null if `resolved` is. */
  fallbacks: PlannedFallbacks | null;
  /** Groups that are visited after the first, at most. */
  max_fallbacks: number;
  /** Of the whole call, seconds. */
  deadline: number | null;
  [member: string]: unknown;
}
