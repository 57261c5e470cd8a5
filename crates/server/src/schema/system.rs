//! How the engine is, and who runs what.

#![expect(dead_code, reason = "these types are shapes: only their schemas are used")]

use utoipa::ToSchema;

/// How the engine is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct System {
    version: String,
    /// This life of the engine.
    started_at: i64,
    server_time: i64,
    uptime_ms: u64,
    /// It takes work.
    ready: bool,
    store: SystemStore,
    queue: SystemQueue,
    /// A second, over the last ten.
    rates: SystemRates,
    /// Of ten minutes.
    #[schema(nullable = false)]
    commit_p99_ms: Option<f64>,
    series: SystemSeries,
    limits: SystemLimits,
    /// What this server offers, for clients that know older ones.
    features: Vec<Feature>,
    /// What the caller may do.
    #[schema(inline = false)]
    access: Access,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum Feature {
    RunNow,
    Summaries,
    Errors,
    Statistics,
    DryRun,
    Jobs,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Access {
    Read,
    Write,
    Admin,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SystemStore {
    bytes: u64,
    log_bytes: u64,
    #[schema(nullable = false)]
    disk_free_bytes: Option<u64>,
    #[schema(nullable = false)]
    schema: Option<u32>,
    executions: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SystemQueue {
    /// Executions in memory that want a slot.
    ready: u64,
    /// Attempts in flight.
    running: u64,
    /// Commands that wait to be decided.
    queued: u64,
    /// Executions in memory.
    resident: u64,
    resident_bytes: u64,
    #[schema(nullable = false)]
    oldest_ms: Option<u64>,
}

#[derive(ToSchema)]
pub(crate) struct SystemRates {
    starts: f64,
    ends: f64,
    steps: f64,
    commits: f64,
}

/// Ten minutes, the oldest first; the last slot is not over.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SystemSeries {
    every_ms: i64,
    from: i64,
    starts: Vec<u64>,
    ends: Vec<u64>,
    steps: Vec<u64>,
    running: Vec<u64>,
    commit_p99_ms: Vec<f64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SystemLimits {
    payload_bytes_max: u64,
    steps_max: u64,
    history_entries_max: u64,
}

#[derive(ToSchema)]
pub(crate) struct WorkerList {
    workers: Vec<Worker>,
}

/// Whoever runs actions.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Worker {
    /// Its session, the name of the endpoint, or `in-process`.
    id: String,
    name: String,
    #[schema(inline = false)]
    kind: WorkerKind,
    actions: Vec<String>,
    /// Attempts that run there.
    running: u64,
    slots: u64,
    /// Of a remote worker: when its newest connection began.
    #[schema(nullable = false)]
    connected_at: Option<i64>,
    /// Of a remote worker: when it last said anything, if only that it is there (a heartbeat). Neither is there of one that was
    /// connected before the server was started again and has not come back yet.
    #[schema(nullable = false)]
    last_seen: Option<i64>,
    /// It has lost its connection and is expected back; what it runs goes on. Not there when it is connected.
    #[schema(nullable = false)]
    away: Option<bool>,
    #[schema(nullable = false)]
    unreachable: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum WorkerKind {
    Worker,
    Endpoint,
    InProcess,
}

#[derive(ToSchema)]
pub(crate) struct NodeList {
    nodes: Vec<Node>,
}

/// An engine that works on this store.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Node {
    /// Of this life of it: another one when it is started again.
    id: String,
    /// What a person looks for it by.
    name: String,
    /// Where workers and people reach it, when it said so.
    #[schema(nullable = false)]
    url: Option<String>,
    joined_at: i64,
    /// Its share of the executions, of 4096 slots. One that has just come has none until the others give it some.
    slots: u64,
    #[schema(inline = false)]
    status: NodeStatus,
    /// It is the one that answers.
    #[schema(rename = "self")]
    is_self: bool,
}

/// `lapsed`: it has not renewed its lease, and the others take over what it owns.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum NodeStatus {
    Live,
    Lapsed,
}

#[derive(ToSchema)]
pub(crate) struct ActionList {
    actions: Vec<Action>,
}

/// An action that somebody provides, or that a workflow names.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Action {
    action: String,
    /// Ids of workers.
    providers: Vec<String>,
    slots: u64,
    used_by: Vec<UsedBy>,
    /// Executions that want it and have no slot.
    waiting: u64,
    waiting_exact: bool,
    #[schema(nullable = false)]
    oldest_since: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UsedBy {
    workflow_id: String,
    version: u32,
    step_ids: Vec<String>,
}
