//! What `/metrics` shows, in the text format of Prometheus.
//!
//! The engine counts what it does (`workflow_executions_started_total` ...), this crate counts requests. Both say so to the
//! recorder of the `metrics` crate, of which a process has one.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use workflow_core::status::Status;
use workflow_engine::{Engine, Error, Gauges};

const REQUESTS: &str = "workflow_http_requests_total";
const EXECUTIONS: &str = "workflow_executions";
const REQUEST_SECONDS: &str = "workflow_http_request_duration_seconds";

/// From what an answer from memory takes to the length of a patient call.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Of one commit.
const TRANSITIONS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// Samples of histograms are kept until they are put into their buckets; this is how often.
pub(crate) const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// What the recorder of this crate has collected; none when it is not installed.
pub(crate) fn collected() -> Option<PrometheusHandle> {
    INSTALLED.get().cloned().flatten()
}

/// Installs the recorder, once in a process. None when there is another one already.
pub(crate) fn install() -> Option<PrometheusHandle> {
    INSTALLED
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Full("workflow_batch_transitions".to_owned()), TRANSITIONS)
                })
                .expect("there are buckets")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::info!("the process has a metrics recorder of its own; /metrics shows nothing");
                return None;
            }
            describe();
            Some(handle)
        })
        .clone()
}

/// Takes the values that are only looked at: how many executions have which status, and what the engine holds.
pub(crate) async fn observe(engine: &Engine) -> Result<(), Error> {
    let counts = engine.counts().await?;
    for status in Status::ALL {
        let count: u64 = counts.iter().filter(|count| count.status == status).map(|count| count.count).sum();
        metrics::gauge!(EXECUTIONS, "status" => status.as_str()).set(count as f64);
    }
    let Gauges { resident_executions, resident_bytes, queued_commands, queued_bytes, attempts_in_flight, sessions, owned_slots } =
        engine.gauges();
    metrics::gauge!("workflow_resident_executions").set(resident_executions as f64);
    metrics::gauge!("workflow_resident_bytes").set(resident_bytes as f64);
    metrics::gauge!("workflow_queued_commands").set(queued_commands as f64);
    metrics::gauge!("workflow_queued_bytes").set(queued_bytes as f64);
    metrics::gauge!("workflow_attempts_in_flight").set(attempts_in_flight as f64);
    metrics::gauge!("workflow_sessions").set(sessions as f64);
    metrics::gauge!("workflow_owned_slots").set(owned_slots as f64);
    Ok(())
}

/// A request was answered.
pub(crate) fn request(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    metrics::counter!(REQUESTS, "method" => method, "route" => route.to_owned(), "status" => class).increment(1);
    metrics::histogram!(REQUEST_SECONDS, "method" => method, "route" => route.to_owned()).record(took.as_secs_f64());
}

/// What each metric is, for the line that Prometheus shows with it.
fn describe() {
    describe_counter!(REQUESTS, "HTTP requests that were answered");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "From the head of a request to the head of its answer");
    describe_gauge!(EXECUTIONS, "Executions by status");
    describe_counter!("workflow_executions_started_total", "Executions that were started");
    describe_counter!("workflow_executions_ended_total", "Executions that have ended");
    describe_counter!("workflow_executions_deleted_total", "Executions that were deleted, by a person or for their age");
    describe_histogram!("workflow_step_duration_seconds", Unit::Seconds, "From the start of an attempt to its result");
    describe_counter!("workflow_attempts_interrupted_total", "Attempts whose worker was lost; their steps run again");
    describe_counter!("workflow_late_results_total", "Results that came for an attempt that is not in flight; dropped");
    describe_counter!("workflow_trigger_errors_total", "Trigger conditions that threw");
    describe_histogram!("workflow_commit_duration_seconds", Unit::Seconds, "Commits of the store");
    describe_histogram!("workflow_batch_transitions", "Transitions in one commit");
    describe_counter!("workflow_commit_faults_total", "Commits that failed");
    describe_counter!("workflow_corrupt_executions_total", "Executions whose stored history makes no sense");
    describe_gauge!("workflow_resident_executions", "Executions in memory");
    describe_gauge!("workflow_resident_bytes", Unit::Bytes, "What they take");
    describe_gauge!("workflow_queued_commands", "Commands that have not been decided");
    describe_gauge!("workflow_queued_bytes", Unit::Bytes, "What they hold");
    describe_gauge!("workflow_attempts_in_flight", "Attempts that run now");
    describe_gauge!("workflow_sessions", "Remote workers that are connected");
    describe_counter!("workflow_sessions_joined_total", "Connections of remote workers");
    describe_counter!("workflow_sessions_lost_total", "Connections of remote workers that ended without their leaving");
    describe_gauge!("workflow_owned_slots", "This engine's share of the executions, of 4096 slots");
    describe_counter!("workflow_ranges_gained_total", "Ranges of 64 slots that came to this engine from others, dead or alive");
    describe_counter!("workflow_ranges_given_total", "Ranges of 64 slots that this engine gave to others");
}
