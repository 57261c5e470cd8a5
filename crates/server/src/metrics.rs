//! What `/metrics` shows, in the text format of Prometheus.
//!
//! The engine counts what it does (`workflow_executions_started_total` ...), this crate counts requests. Both say so to the
//! recorder of the `metrics` crate, of which a process has one.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "workflow_http_requests_total";
const REQUEST_SECONDS: &str = "workflow_http_request_duration_seconds";

/// From what an answer from memory takes to the length of a patient call.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

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
                .expect("there are buckets")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::info!("the process has a metrics recorder of its own; /metrics shows nothing");
                return None;
            }
            metrics::describe_counter!(REQUESTS, "HTTP requests that were answered");
            metrics::describe_histogram!(
                REQUEST_SECONDS,
                metrics::Unit::Seconds,
                "from the head of a request to the head of its answer"
            );
            Some(handle)
        })
        .clone()
}

/// A request was answered.
pub(crate) fn request(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let class = match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    metrics::counter!(REQUESTS, "method" => method, "route" => route.to_owned(), "status" => class).increment(1);
    metrics::histogram!(REQUEST_SECONDS, "method" => method, "route" => route.to_owned()).record(took.as_secs_f64());
}
