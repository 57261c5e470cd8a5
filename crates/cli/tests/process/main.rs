//! What happens to real processes: signals, pauses, a clock that is set, descriptors and memory that run out, two of them on one file.
//!
//! Crashes at random moments are in `crash`, bad files and full disks in `bad_input`, more load than can be carried in `overload`.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

#[path = "../crash/client.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod client;
mod clock;
mod descriptors;
mod memory;
mod pause;
#[path = "../crash/proxy.rs"]
mod proxy;
#[path = "../crash/random.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod random;
#[path = "../crash/server.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod server;
#[path = "../crash/service.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod service;
#[path = "../bad_input/site.rs"]
#[allow(dead_code, reason = "bad input uses the rest")]
mod site;
mod stage;
mod stop;
mod twins;
#[path = "../overload/wire.rs"]
#[allow(dead_code, reason = "the test of overload uses the rest")]
mod wire;
#[path = "../crash/worker.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod worker;
