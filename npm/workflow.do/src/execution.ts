/**
 * What an execution is: one run of a workflow, the results of its steps, and its history. Only shapes, as the engine answers them.
 *
 * Times are epoch milliseconds, spans are milliseconds.
 */

/**
 * - `pending`: nothing has begun yet.
 * - `running`: an action runs or wants to.
 * - `waiting`: only time moves it on: a `wait` or a delay before a retry.
 * - `paused`: until `resume`.
 * - `completed`, `failed`, `cancelled`: it has ended; of these only `failed` can be moved on, by `retry`.
 */
export type ExecutionStatus = 'pending' | 'running' | 'paused' | 'waiting' | 'completed' | 'failed' | 'cancelled'

/** One run of a workflow. */
export interface WorkflowExecution {
  /** `exec_` and 32 hex digits. The order of ids is the order of starts. */
  id: string
  workflowId: string
  /** The version of the definition that it started with. It keeps it, whatever is registered later. */
  workflowVersion: number
  status: ExecutionStatus
  /** What started it. */
  triggeredBy: TriggeredBy
  /** The execution that it is a replay of. */
  replayOf?: string
  /** The execution that started it. */
  parent?: string
  input: Record<string, unknown>
  /** Context, input, and the output of each step under its id; where names collide the later of these wins. */
  state: Record<string, unknown>
  /**
   * Of a completed execution: the output of its last step. Where several steps are last, or a failure branched, an object with the
   * output of each.
   */
  output?: unknown
  /** The message of the failure that it ended with, or is going to end with. */
  error?: string
  /** The failure's code, if it has one: `timeout`, or what the action's error carried. */
  errorCode?: string
  /** The index in `steps` of the first step that has not ended; their number once all have. */
  currentStepIndex: number
  /** Step ids, in the order in which they completed. */
  completedSteps: string[]
  /** By step id. Steps that were never considered are not there. */
  stepResults: Record<string, StepResult>
  startedAt: number
  completedAt?: number
  /** The newest entries, oldest first: at most 1,000, in a list at most 100. `history(id)` has all. */
  history: HistoryEntry[]
  /** There are entries older than those of `history`. */
  historyTruncated?: boolean
}

/** What started an execution. */
export interface TriggeredBy {
  type: 'manual' | 'event' | 'schedule' | 'replay' | 'error'
  /** The event's name, the execution that was replayed, or the one whose failure is handled. */
  source?: string
}

export type StepStatus = 'waiting' | 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled'

/** How far a step of an execution is. */
export interface StepResult {
  stepId: string
  status: StepStatus
  /** What the action returned. Absent if that was nothing, or if the step has not completed. */
  output?: unknown
  /** The message of its last failure. */
  error?: string
  /** Where the error came from, if what was thrown knew it. */
  stack?: string
  /** When its newest attempt began. */
  startedAt?: number
  /** When it ended. */
  completedAt?: number
  /** Milliseconds from `startedAt` to `completedAt`. */
  duration?: number
  /** Failed attempts after the first, since the last `retry`. */
  retries: number
  /** Of a step that waits: for what. */
  waitingFor?: WaitingFor
}

/** What a step waits for. */
export interface WaitingFor {
  /** Its `wait`, the delay before its next attempt, or somebody who runs its action. */
  type: 'timer' | 'retry' | 'worker'
  /** When it goes on. A `worker` is not known beforehand. */
  until?: number
  /** For people: "no worker provides `chargeCard`". */
  message: string
}

/** What an entry of a history says. Later versions may add to these. */
export type HistoryEntryType =
  | 'start'
  | 'step_ready'
  | 'step_start'
  | 'step_complete'
  | 'step_fail'
  | 'step_skip'
  | 'step_cancel'
  | 'step_interrupted'
  | 'wait'
  | 'resume'
  | 'pause'
  | 'retry'
  | 'complete'
  | 'fail'
  | 'cancel'
  | (string & {})

/** One thing that happened. The history is the truth: everything else about an execution follows from it. */
export interface HistoryEntry {
  /** 1, 2, 3 ... within an execution: this is the order. */
  seq: number
  /** The wall clock as it was; it may have been set back between two entries. */
  timestamp: number
  type: HistoryEntryType
  /**
   * Who caused it, of what people cause: the name of the token that the call came with, else the address that it came from. Not
   * there for calls to an engine in this process.
   */
  by?: string
  stepId?: string
  /** Which attempt of the step, from 1. */
  attempt?: number
  /** What else the entry holds, by its type. */
  data?: HistoryData
  /** For people. */
  message?: string
}

/** Only the fields that the type of the entry has are there. */
export interface HistoryData {
  /** `start`. */
  workflowVersion?: number
  /** `start`. */
  input?: Record<string, unknown>
  /** `start`. */
  triggeredBy?: TriggeredBy
  /** `start`: the execution that it is a replay of. */
  replayOf?: string
  /** `start`: the workflows whose failures led here. */
  ledHere?: string[]
  /** `start`: when the execution times out. */
  deadline?: number
  /** `step_ready`, `step_skip`, `step_interrupted`: why. */
  cause?: string
  /** `step_start`: who runs the attempt. */
  session?: string
  /** `step_complete`. */
  output?: unknown
  /** `step_complete`: how long the output is, where it is in `stepResults` or too long for the page. */
  outputBytes?: number
  /** `step_fail`, `fail`. */
  error?: Failure
  /** `step_fail`: when the next attempt is due. Without it the step has failed for good. */
  retryAt?: number
  /** `step_fail`, for good: what `onError` made of it. */
  then?: 'fail' | 'continue' | 'branch' | 'startHandler'
  /** `step_fail`: the workflow that was started to handle it. */
  handler?: string
  /** `wait`: when it ends. */
  until?: number
  /** `step_ready`, `step_skip`, `wait`: why the condition came out as it did. */
  receipt?: Receipt
  /** `retry`: the steps that run again. */
  reset?: string[]
  /** The key that the call came with. */
  idempotencyKey?: string
}

/** Why an action failed. */
export interface Failure {
  /** For programs: `timeout`, `output_not_json`, or the `code` of what was thrown. */
  code?: string
  message: string
  stack?: string
  cause?: Failure
  /** `false`: it was not tried again. */
  retryable?: boolean
}

/** A condition, what it read and what came out. */
export interface Receipt {
  expression: string
  /** By name; `null` also for `undefined`. */
  values: Record<string, unknown>
  result?: unknown
}

/** What a step sees as `state.error` after a failure has branched to it, or to a step before it. */
export interface StepError {
  /** The step that failed. */
  stepId: string
  message: string
  code?: string
  /** How many attempts it had. */
  attempts: number
}
