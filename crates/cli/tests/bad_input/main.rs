//! Bad input at every door of the real binary: files, disks, addresses, configurations, requests. Each is answered with what to
//! do, and where the process can live on, it does.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

mod configuration;
mod database;
mod disk;
mod payloads;
mod requests;
mod secrets;
#[path = "../crash/server.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod server;
#[allow(dead_code, reason = "the tests of processes use the rest")]
mod site;
mod websocket;
mod wire;
