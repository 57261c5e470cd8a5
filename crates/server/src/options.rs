//! What an operator may change, with the reason of each default.

use std::time::Duration;

use crate::{AdminToken, Tls, protocol};

#[derive(Debug, Clone)]
pub struct Options {
    /// Names under which the server may be called besides those of loopback, as in `workflow.example.com`; `*` is any. When it
    /// listens on an address that is not loopback, none means any.
    ///
    /// A server on loopback answers only to loopback's names, so that a web page cannot reach it through a name that its author
    /// points at 127.0.0.1 (DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// An admin's token that is not stored; as the first token it makes every request need one.
    pub admin_token: Option<AdminToken>,
    /// Listen also where other machines can call, without a token.
    pub insecure: bool,
    /// Speak TLS, and nothing else, with this certificate. Only [`serve`](crate::serve) does: a router has no connections.
    pub tls: Option<Tls>,
    /// One input or the data of one event. What the engine takes is its own limit; this one only says how much is read.
    pub payload_bytes_max: usize,
    /// Starts, events and reads that are being answered; above it 429. Those that only wait (`?wait=`, streams) do not count, and
    /// control calls, definitions and probes have an eighth as many places of their own.
    pub requests_max: usize,
    /// Requests that only wait: `?wait=` and streams.
    pub waiters_max: usize,
    /// Open connections; above it further ones stay in the system's backlog. Below a common `ulimit -n` of 20,000 or more.
    pub connections_max: usize,
    /// How long a client may take for the header lines of a request, for a TLS handshake before them, and be silent between two
    /// requests.
    pub header_timeout: Duration,
    /// How long a client may take for the body of a request.
    pub body_timeout: Duration,
    /// How long a client may leave what it was sent where it is: in so long it takes 128 KiB or all of it, or it is cut off.
    pub write_timeout: Duration,
    /// Workers that are connected; above it 429. With `connections_max` they stay below a common `ulimit -n` of 20,000.
    pub workers_max: usize,
    /// How long a worker may take to say who it is, once it has connected.
    pub hello_timeout: Duration,
    /// Workers and the server say something to each other at least this often, and are gone after three times of silence: soon
    /// enough for a machine that was cut off, and more than a long pause of a process.
    pub worker_heartbeat: Duration,
    /// How often the store is asked which engines work on it, while workers are connected. An engine that nobody uses asks its
    /// database a dozen things a minute; this adds two.
    pub engines_asked_every: Duration,
    /// How long an answer may take, waiting requests aside.
    pub answer_timeout: Duration,
    /// After the shutdown has begun: what is being answered may take this long.
    pub shutdown_grace: Duration,
    /// Collect metrics and show them at `/metrics`. Where the process has a recorder of the `metrics` crate already, that one
    /// goes on collecting, and `/metrics` says so.
    pub metrics: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            allowed_hosts: Vec::new(),
            admin_token: None,
            insecure: false,
            tls: None,
            payload_bytes_max: 1 << 20,
            requests_max: 4_096,
            waiters_max: 16_384,
            connections_max: 18_000,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            workers_max: 1_024,
            hello_timeout: protocol::GREETING_WITHIN,
            worker_heartbeat: protocol::HEARTBEAT,
            engines_asked_every: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(5),
            metrics: true,
        }
    }
}
