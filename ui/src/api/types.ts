// What the server answers, as far as the page reads it. Times are epoch milliseconds.

export type ExecutionStatus = "pending" | "running" | "waiting" | "paused" | "completed" | "failed" | "cancelled";
export type StepStatus = "waiting" | "running" | "completed" | "failed" | "skipped" | "cancelled";

/** What makes an execution that goes on need a look. */
export type Attention = "retrying" | "noWorker" | "overdue";

export interface TriggeredBy {
  type: "manual" | "event" | "schedule" | "replay" | "error";
  source?: string;
}

export interface Reason {
  kind: "paused" | "worker" | "retry" | "running" | "limit" | "timer" | "event" | "child";
  stepId?: string;
  /** Since when it waits, runs or is paused. */
  since: number;
  /** Timer, retry: when it goes on. */
  until?: number;
  /** Retry: the number of the next attempt; running: of this one. */
  attempt?: number;
  /** 1 + maxRetries. */
  maxAttempts?: number;
  failedAttempts?: number;
  action?: string;
  event?: string;
  by?: string;
  /** The newest failure of the step. */
  error?: string;
  worker?: string;
  p95Ms?: number;
  /** It has been running for longer than 95 of 100 do. */
  slow?: true;
}

export interface StepCounts {
  total: number;
  completed: number;
  failed: number;
  skipped: number;
  running: number;
  waiting: number;
}

export interface ExecutionSummary {
  id: string;
  workflowId: string;
  workflowName?: string;
  workflowVersion: number;
  status: ExecutionStatus;
  attention?: Attention;
  startedAt: number;
  completedAt?: number;
  wakeAt?: number;
  stepCounts: StepCounts;
  /** The worst one, if there is any. */
  reasons: Reason[];
  reasonCount: number;
  /** At most 200 characters. */
  error?: string;
  errorFingerprint?: string;
  errorStepId?: string;
  errorCode?: string;
  triggeredBy: TriggeredBy;
  replayOf?: string;
  parent?: string;
  lastSeq: number;
}

export interface ExecutionPage {
  executions: ExecutionSummary[];
  nextCursor?: string;
  /** Not complete: a search for a text ended because of its time, and has looked back as far as this. */
  searchedTo?: number;
  complete?: boolean;
}

export interface Counts {
  byStatus: Partial<Record<ExecutionStatus, number>>;
  attention?: Partial<Record<Attention, number>>;
  asOf?: number;
  /** Whether a number is more than a lower bound. */
  exact?: boolean;
}

export interface HistoryEntry {
  seq: number;
  timestamp: number;
  type: string;
  stepId?: string;
  attempt?: number;
  data?: unknown;
  message?: string;
  by?: string;
  bytes?: number;
}

export interface StepResult {
  stepId: string;
  status: StepStatus;
  output?: unknown;
  error?: string;
  stack?: string;
  startedAt?: number;
  completedAt?: number;
  duration?: number;
  retries: number;
  waitingFor?: { type: "timer" | "retry" | "worker"; until?: number; message: string };
}

export interface Execution {
  id: string;
  workflowId: string;
  workflowVersion: number;
  status: ExecutionStatus;
  triggeredBy: TriggeredBy;
  replayOf?: string;
  parent?: string;
  input: unknown;
  state?: unknown;
  output?: unknown;
  error?: string;
  startedAt: number;
  completedAt?: number;
  wakeAt?: number;
  currentStepIndex: number;
  completedSteps: string[];
  stepResults: Record<string, StepResult>;
  history: HistoryEntry[];
  historyTruncated?: boolean;
  reasons?: Reason[];
  lastSeq?: number;
  errorCode?: string;
  errorFingerprint?: string;
  errorStepId?: string;
  stepCounts?: StepCounts;
  serverTime?: number;
  /** With `at=`: the entry after which it was like this. */
  asOfSeq?: number;
}

/** In place of a value that is larger than was asked for. */
export interface Truncated {
  $truncated: number;
  href: string;
}

export interface WorkflowStep {
  id: string;
  name?: string;
  action: string;
  params?: Record<string, unknown>;
  condition?: string;
  wait?: string;
  dependsOn?: string[];
  onError?: "fail" | "continue" | "retry" | "branch";
  errorBranch?: string;
  maxRetries?: number;
  retryDelay?: string;
  backoff?: "fixed" | "exponential";
  maxRetryDelay?: string;
  timeout?: string;
}

export interface Trigger {
  event: string;
  condition?: string;
}

export interface WorkflowDefinition {
  id: string;
  name?: string;
  description?: string;
  steps: WorkflowStep[];
  triggers?: Trigger[];
  context?: Record<string, unknown>;
  timeout?: string;
  version: number;
  createdAt: number;
  updatedAt?: number;
}

export interface WorkflowStats {
  byStatus: Partial<Record<ExecutionStatus, number>>;
  retrying: number;
  active: number;
  started: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Failed of those that ended, in the window. */
  failureRate?: number;
  p50Ms?: number;
  p95Ms?: number;
  samples: number;
  buckets: { at: number; started: number; failed: number }[];
  bucketMs: number;
}

export interface WorkflowRow extends WorkflowDefinition {
  stats?: WorkflowStats;
}

export interface WorkflowVersion {
  version: number;
  createdAt: number;
  hash: string;
  steps: number;
  /** Executions that have not ended. */
  active: number;
  executions: number;
  deletedAt?: number;
}

export interface StepStats {
  stepId: string;
  /** Attempts that ended. */
  runs: number;
  completed: number;
  failed: number;
  retried: number;
  skipped: number;
  p50Ms?: number;
  p95Ms?: number;
  queueP95Ms?: number;
  samples: number;
}

export interface StepsStats extends WorkflowStats {
  workflowId: string;
  version?: number;
  window: string;
  from: number;
  to: number;
  steps: StepStats[];
}

export interface ErrorKind {
  fingerprint: string;
  /** `Card <n> declined`: what differs is taken out. */
  template: string;
  code?: string;
  sample: { message: string; stack?: string; executionId: string; code?: string };
  steps: { workflowId: string; stepId?: string; count: number }[];
  workflows: string[];
  versions: { workflowId: string; version: number; count: number }[];
  failedNow: number;
  retryingNow: number;
  total: number;
  firstSeen: number;
  lastSeen: number;
  buckets: { at: number; count: number }[];
  bucketMs: number;
  examples?: { message: string; executionId: string; at: number }[];
}

export interface ErrorsPage {
  errors: ErrorKind[];
  failedNow: number;
  retryingNow: number;
  asOf: number;
  /** There are more kinds than are given. */
  truncated?: boolean;
}

export type JobAction = "retry" | "replay" | "cancel" | "pause" | "resume";

export interface JobFilter {
  workflowId?: string[];
  version?: number;
  status?: ExecutionStatus[];
  attention?: Attention;
  errorFingerprint?: string;
  triggeredBy?: string;
  startedAfter?: number;
  startedBefore?: number;
}

export interface JobRequest {
  action: JobAction;
  ids?: string[];
  filter?: JobFilter;
  asOf?: number;
  canary?: boolean;
  dryRun?: boolean;
}

export interface JobPreview {
  matched: number;
  sample: ExecutionSummary[];
}

export interface Job {
  id: string;
  action: JobAction;
  createdAt: number;
  by?: string;
  asOf: number;
  filter?: JobFilter;
  /** `waiting`: the one that was tried first is through. */
  status: "running" | "waiting" | "stopped" | "completed";
  matched: number;
  done: number;
  failed: number;
  skipped: number;
  /** Items a second, while it runs. */
  rate?: number;
  finishedAt?: number;
  canary?: JobItem;
}

export interface JobItem {
  executionId: string;
  outcome: "done" | "failed" | "skipped";
  code?: string;
  detail?: string;
  newExecutionId?: string;
  at: number;
}

export interface Receipt {
  expression: string;
  /** `null` stands for undefined. */
  values: Record<string, unknown>;
  result?: unknown;
  error?: string;
}

export interface EventMatch {
  workflowId: string;
  version: number;
  pattern: string;
  condition?: Receipt;
  wouldStart: boolean;
  why: string;
}

export interface EventDryRun {
  matches: EventMatch[];
  duplicateOf?: { executions: string[] };
  /** The nearest pattern, when none matches. */
  suggestion?: string;
}

export interface EventAnswer {
  executions: Execution[];
  refused: { workflowId: string; code: string; message: string }[];
}

export interface Worker {
  id: string;
  name: string;
  kind: "worker" | "endpoint" | "inProcess";
  actions: string[];
  running: number;
  slots: number;
  connectedAt?: number;
  lastSeen?: number;
  away?: true;
  unreachable?: string;
}

export interface Action {
  action: string;
  providers: string[];
  slots: number;
  running?: number;
  usedBy: { workflowId: string; version: number; stepIds: string[] }[];
  waiting: number;
  waitingExact: boolean;
  oldestSince?: number;
}

export interface System {
  version: string;
  startedAt: number;
  serverTime: number;
  uptimeMs: number;
  ready: boolean;
  store: { kind?: string; path?: string; bytes: number; logBytes: number; diskFreeBytes?: number; schema?: number; executions: number; encrypted?: boolean };
  queue: { ready: number; running: number; queued: number; resident: number; residentBytes: number; oldestMs?: number };
  rates: { starts: number; ends: number; steps: number; commits: number };
  commitP99Ms?: number;
  series: { everyMs: number; from: number; starts: number[]; steps: number[]; commitP99Ms: number[]; running: number[] };
  limits: { payloadBytesMax: number; stepsMax: number; historyEntriesMax: number };
  features: string[];
  access: "read" | "write" | "admin";
}
