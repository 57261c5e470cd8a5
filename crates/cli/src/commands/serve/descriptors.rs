//! How many connections fit into what the system lets one process open.
//!
//! A process that accepts connections until it has no descriptor left can neither open its database's files nor call an endpoint:
//! so connections get a part of them, and what comes beyond waits in the system's queue.

use workflow_server::Options;

/// Of the descriptors a quarter is for the database, calls of endpoints and whatever else is opened, within these bounds.
const RESERVED_MIN: u64 = 64;
const RESERVED_MAX: u64 = 976;
/// Of what is left for connections, an eighth is for those of workers.
const WORKERS: u64 = 8;

/// These options, with no more connections than there are descriptors for.
pub fn fitted(options: Options) -> Options {
    match descriptors() {
        Some(descriptors) => fit(options, descriptors),
        None => options,
    }
}

fn fit(options: Options, descriptors: u64) -> Options {
    let free = descriptors.saturating_sub((descriptors / 4).clamp(RESERVED_MIN, RESERVED_MAX));
    let at_most = |wanted: usize, there_are: u64| wanted.min(usize::try_from(there_are.max(1)).unwrap_or(usize::MAX));
    let workers_max = at_most(options.workers_max, free / WORKERS);
    let connections_max = at_most(options.connections_max, free.saturating_sub(workers_max as u64));
    if connections_max < options.connections_max {
        tracing::warn!(
            connections_max,
            workers_max,
            "this process may open {descriptors} files only: that many connections are served at the same time, further ones wait; \
             raise the limit (`ulimit -n`, `LimitNOFILE=`) for more"
        );
    }
    Options { workers_max, connections_max, ..options }
}

/// As many as the system allows: a process may raise its own limit that far, and programs that begin with a low one do so because
/// of an old interface that is not used here.
#[cfg(unix)]
fn descriptors() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    // None is no limit.
    now
}

#[cfg(not(unix))]
fn descriptors() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        let of = |descriptors| {
            let Options { connections_max, workers_max, .. } = fit(Options::default(), descriptors);
            (connections_max, workers_max)
        };
        assert_eq!(of(1 << 20), (18_000, 1_024), "as many as anyone wants");
        assert_eq!(of(20_000), (18_000, 1_024));
        assert_eq!(of(1_024), (672, 96));
        assert_eq!(of(128), (56, 8));
        assert_eq!(of(64), (1, 1));
    }
}
