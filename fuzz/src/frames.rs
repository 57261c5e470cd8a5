//! Frames of the worker protocol as texts, of either side: what is read can be written, and is read again as the same.

use workflow_server::protocol::{Frame, FromServer, FromWorker};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(messages) = FromWorker::read(text) {
        let written = written(&messages);
        assert_eq!(FromWorker::read(&written).as_ref(), Ok(&messages), "written as {written}");
    }
    if let Ok(messages) = FromServer::read(text) {
        let written = written(&messages);
        assert_eq!(FromServer::read(&written).as_ref(), Ok(&messages), "written as {written}");
    }
}

fn written(messages: &[impl serde::Serialize]) -> String {
    let mut frame = Frame::new();
    messages.iter().for_each(|message| frame.push(message));
    frame.into_text()
}
