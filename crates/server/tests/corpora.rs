//! What fuzzing has found worth keeping, once more with every test run: the targets of `fuzz/` that need a server.

#[path = "../../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../../fuzz/src/home.rs"]
mod home;
#[path = "../../../fuzz/src/link.rs"]
mod link;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/request.rs"]
mod request;
#[path = "../../../fuzz/src/worker.rs"]
mod worker;

use replay::replay;

#[test]
fn the_corpus_of_frames() {
    replay("frames", frames::run);
}

#[test]
fn the_corpus_of_web_sockets() {
    replay("link", link::run);
}

#[test]
fn the_corpus_of_requests() {
    replay("request", request::run);
}

#[test]
fn the_corpus_of_workers() {
    replay("worker", worker::run);
}
