//! The HTTP API against a real engine on the memory store. Every answer that any of these tests gets is held against the
//! OpenAPI document (`support::Api::send`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod audit;
mod cluster;
mod direct;
mod document;
mod endpoints;
mod events;
mod executions;
mod guide;
mod jobs;
mod limits;
mod nodes;
mod overview;
mod page;
mod problems;
mod schema;
mod sensitive;
mod several;
mod slow;
mod socket;
mod stream;
mod support;
mod tls;
mod worker;
mod workflows;
