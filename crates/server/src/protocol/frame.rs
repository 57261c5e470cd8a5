//! One frame: a JSON array of messages.

use serde::Serialize;

use super::{FRAME_BYTES, FRAME_MESSAGES};

/// Of a frame of a few tasks: it is written without moving what is there already.
const USUAL_BYTES: usize = 4 << 10;

/// Messages that will be sent together.
#[derive(Debug, Default)]
pub struct Frame {
    text: Vec<u8>,
    messages: usize,
}

impl Frame {
    pub fn new() -> Frame {
        Frame::default()
    }

    /// One that will most likely not be longer than this.
    pub fn with_capacity(bytes: usize) -> Frame {
        Frame { text: Vec::with_capacity(bytes), messages: 0 }
    }

    pub fn push(&mut self, message: &impl Serialize) {
        if self.messages == 0 {
            self.text.reserve(USUAL_BYTES);
        }
        self.text.push(if self.messages == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.text, message).expect("a message is JSON, and memory takes whatever is written");
        self.messages += 1;
    }

    /// What is pushed next has payloads of this length: a long text that grows is copied each time.
    pub fn expect(&mut self, bytes: usize) {
        if bytes > USUAL_BYTES {
            self.text.reserve(bytes + USUAL_BYTES);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// What comes next belongs to another frame.
    pub fn is_full(&self) -> bool {
        self.text.len() >= FRAME_BYTES || self.messages >= FRAME_MESSAGES
    }

    /// The text of all of them. Without any it is a heartbeat.
    pub fn into_text(mut self) -> String {
        if self.is_empty() {
            self.text.push(b'[');
        }
        self.text.push(b']');
        String::from_utf8(self.text).expect("serde writes UTF-8")
    }

    /// A frame of one message.
    pub fn of(message: &impl Serialize) -> String {
        let mut frame = Frame::new();
        frame.push(message);
        frame.into_text()
    }
}
