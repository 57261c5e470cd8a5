//! Every bound of the HTTP side in one place, each with its reason. Those that an operator may change are in
//! [`Options`](crate::Options).

use std::time::Duration;

/// One definition. A thousand steps with long params stay far below it.
pub const DEFINITION_BYTES_MAX: usize = 4 << 20;
/// What is around a payload in a body: the event's name, its id, white space.
pub const ENVELOPE_BYTES_MAX: usize = 64 << 10;
/// Bodies that hold no payload: an endpoint, an empty object.
pub const SMALL_BODY_BYTES_MAX: usize = 256 << 10;
/// Bodies of requests that are in memory, all together: what has come of those that are being received, at the client's will,
/// and those whose calls are not answered. A client that sends slowly takes no more of it than it has sent.
pub const RECEIVING_BYTES_MAX: usize = 64 << 20;
/// Of these so many are for short ones alone, so that long ones that stand still keep nobody from starting an order.
pub const RECEIVING_SHORT_BYTES_MAX: usize = 8 << 20;
/// A body that is not longer is short.
pub const SHORT_BODY_BYTES_MAX: usize = 64 << 10;

/// Reads that are made at the same time: a few for each thread that reads, since what each has read lies in memory.
pub const READS_MAX: usize = 8;

/// Answers that clients have not taken, all together: they too are slow at the client's will.
pub const ANSWERS_BYTES_MAX: usize = 128 << 20;
/// No new request is taken when less is left, so that those that have been taken can be answered.
pub const ANSWERS_BYTES_SPARE: usize = 32 << 20;
/// What shorter answers take is within the buffers of their connections.
pub const ANSWER_BYTES_FREE: usize = 16 << 10;
/// Of what is being sent a client takes at least this much in [`Options::write_timeout`](crate::Options::write_timeout).
pub const WRITTEN_BYTES_MIN: usize = 128 << 10;

/// For so many requests there is one further place for what moves executions, however many are started or read.
pub const MOVES_OF_REQUESTS: usize = 8;

/// The largest number of a parameter that the document calls an `int32`, and an `int64`: what every client can hold.
pub const INT32_MAX: u64 = i32::MAX as u64;
pub const INT64_MAX: u64 = i64::MAX as u64;

/// All header lines of one request; more is answered with 431.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
pub const HEADERS_MAX: usize = 100;

/// Of a body that is refused, this much more is read and dropped, so that a client that writes before it reads sees the answer.
pub const DROPPED_BYTES_MAX: usize = 16 << 20;
pub const DROPPING_MAX: Duration = Duration::from_secs(5);

/// The longest `?wait=`. Proxies commonly give up after 60 s.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// A comment that often keeps a quiet stream from being cut by a proxy.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// What a browser waits before it opens a broken stream again.
pub const STREAM_RETRY: Duration = Duration::from_secs(1);

/// One page of a list or history.
pub const PAGE_MAX: usize = 1_000;
/// Entries of each history in a list with `include=history`.
pub const LISTED_HISTORY_MAX: usize = 100;
/// What a history page holds unless told otherwise.
pub const HISTORY_PAGE_DEFAULT: usize = 1_000;

/// A request id that a client gave is passed on when it is not longer.
pub const REQUEST_ID_CHARS_MAX: usize = 128;
